import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { test, type TestContext } from 'node:test';
import type { WorkerChosen } from '@shoal/client';
import type { InferenceEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { SCOPES, type TokenRecord } from '@shoal/host/home/token-file';
import { API_BODY_LIMIT_BYTES, API_PATHS } from '../api.ts';
import { CONTROL_CALLS } from './control-calls.ts';
import { openApi, type Api } from './http.ts';
import { checkAnswer, jsonLines } from '../testing/check-answer.ts';
import { FakeNode } from '../testing/fake-node.ts';
import { openTestApi, TEST_TOKEN, type TestApi, testApiOptions } from '../testing/test-api.ts';

const TOKEN = TEST_TOKEN;
const PROMPT = JSON.stringify({
  request: { input: { type: 'messages', messages: [{ role: 'user', content: 'hi' }] }, sampling: {}, stop: [] },
});

const open = (t: TestContext): Promise<TestApi> => openTestApi(t);

interface Call {
  readonly method?: string | undefined;
  readonly body?: string | undefined;
  readonly headers?: OutgoingHttpHeaders | undefined;
}

function send(api: Api, path: string, { method = 'GET', body, headers }: Call): ClientRequest {
  return httpRequest({
    host: '127.0.0.1',
    port: api.port,
    path,
    method,
    agent: false,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
  });
}

async function responseTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

function respond(api: Api, path: string, options: Call = {}): Promise<IncomingMessage> {
  const outgoing = send(api, path, options);
  outgoing.end(options.body);
  return responseTo(outgoing);
}

async function text(response: IncomingMessage): Promise<string> {
  const parts = await response.toArray();
  return Buffer.concat(parts as Buffer[]).toString();
}

/** Makes a call whose answer is one JSON value, and checks that value against the document. */
async function call(api: Api, path: string, options?: Call): Promise<{ status: number | undefined; body: unknown }> {
  const response = await respond(api, path, options);
  const answer = await text(response);
  checkAnswer(options?.method ?? 'GET', path, response.statusCode, answer);
  return { status: response.statusCode, body: JSON.parse(answer) };
}

/** Sends a prompt and returns the lines of its answer, checked against the document. */
async function promptLines(api: Api, body: string): Promise<readonly unknown[]> {
  const response = await respond(api, API_PATHS.prompt, { method: 'POST', body });
  assert.equal(response.statusCode, 200);
  const answer = await text(response);
  checkAnswer('POST', API_PATHS.prompt, 200, answer);
  return jsonLines(answer);
}

async function refused(api: Api, path: string, options: Call, status: number, code: string): Promise<void> {
  const answer = await call(api, path, options);
  assert.equal(answer.status, status);
  assert.equal((answer.body as { error: { code: string } }).error.code, code);
}

test('control needs a token, its description does not, and paths that do not exist are not found', async (t) => {
  const { api } = await open(t);
  for (const authorization of ['', `Bearer ${TOKEN}0`]) {
    const headers = { authorization };
    for (const path of [API_PATHS.status, API_PATHS.clusters, API_PATHS.peers, API_PATHS.loaded]) {
      await refused(api, path, { headers }, 401, 'UNAUTHORIZED');
    }
    await refused(api, API_PATHS.prompt, { method: 'POST', body: PROMPT, headers }, 401, 'UNAUTHORIZED');
    await refused(api, API_PATHS.stop, { method: 'POST', headers }, 401, 'UNAUTHORIZED');
    assert.equal((await call(api, API_PATHS.openapi, { headers })).status, 200);
    await refused(api, '/elsewhere', { headers }, 404, 'INVALID_REQUEST');
  }
});

test('control needs the scope admin, and its description none', async (t) => {
  const tokens: Readonly<Record<string, TokenRecord>> = Object.fromEntries(
    SCOPES.map((scope) => [`shoal_${scope}`, { id: scope, name: scope, scopes: [scope], createdAt: '' }]),
  );
  const { api, node } = await openTestApi(t, { tokens: { find: (bearer) => tokens[bearer] } });
  node.events = () => [{ type: 'finish', reason: 'stop', rawReason: 'eos' }];
  node.resident = [];
  const bodies: Readonly<Record<string, string>> = { joinCluster: '{"id":"a"}', prompt: PROMPT };
  for (const [name, { method, path, scope }] of Object.entries(CONTROL_CALLS)) {
    const url = name === 'leaveCluster' ? `${path}?id=a` : path;
    for (const held of SCOPES) {
      const headers = { authorization: `Bearer shoal_${held}` };
      const response = await respond(api, url, { method, body: bodies[name], headers });
      const isAllowed = held === 'admin' || scope === 'none';
      assert.equal(response.statusCode, isAllowed ? 200 : 403, `${name} with ${held}`);
      checkAnswer(method, url, response.statusCode, await text(response));
    }
  }
});

test('a foreign host name and a foreign page are refused with any token', async (t) => {
  const { api } = await open(t);
  const own = `127.0.0.1:${api.port}`;
  for (const host of ['evil.example', `evil.example:${api.port}`, '127.0.0.1']) {
    await refused(api, API_PATHS.status, { headers: { host } }, 403, 'UNAUTHORIZED');
  }
  for (const origin of ['http://evil.example', `https://${own}`, 'null']) {
    await refused(api, API_PATHS.status, { headers: { origin } }, 403, 'UNAUTHORIZED');
  }
  const headers = { host: `localhost:${api.port}`, origin: `http://${own}` };
  assert.equal((await call(api, API_PATHS.status, { headers })).status, 200);
});

test('clusters are joined, listed and left', async (t) => {
  const { api, node } = await open(t);
  const body = JSON.stringify({ id: 'a/b ü' });
  const view = { id: 'a/b ü', role: 'using', peers: 0 };
  assert.deepEqual(await call(api, API_PATHS.clusters, { method: 'POST', body }), { status: 200, body: view });
  assert.deepEqual((await call(api, API_PATHS.clusters)).body, { clusters: [view] });
  const path = `${API_PATHS.clusters}?id=${encodeURIComponent('a/b ü')}`;
  assert.deepEqual((await call(api, path, { method: 'DELETE' })).body, { clusters: [] });
  assert.equal(node.joined.size, 0);
  await refused(api, path, { method: 'DELETE' }, 400, 'INVALID_REQUEST');
  await refused(api, `${path}&id=b`, { method: 'DELETE' }, 400, 'INVALID_REQUEST');
  for (const wrong of ['{"id":1}', '{}', '{"id":"a","role":"using"}']) {
    await refused(api, API_PATHS.clusters, { method: 'POST', body: wrong }, 400, 'INVALID_REQUEST');
  }
});

test('loaded models are listed, or refused if the engine cannot list them', async (t) => {
  const { api, node } = await open(t);
  await refused(api, API_PATHS.loaded, {}, 400, 'INVALID_REQUEST');
  const model = { id: 'tiny', memoryBytes: 12, device: 'cpu', contextLength: 1024, active: 0, leavesInMs: 240_000 };
  node.resident = [model];
  assert.deepEqual(await call(api, API_PATHS.loaded), { status: 200, body: { models: [model] } });
});

test('unknown clusters, unknown paths and invalid bodies are errors', async (t) => {
  const { api } = await open(t);
  assert.deepEqual((await call(api, API_PATHS.peers)).body, { peers: [] });
  await refused(api, `${API_PATHS.peers}?cluster=x`, {}, 400, 'INVALID_REQUEST');
  await refused(api, '/shoal/nothing', {}, 404, 'INVALID_REQUEST');
  await refused(api, API_PATHS.prompt, { method: 'POST', body: '{' }, 400, 'INVALID_REQUEST');
  await refused(api, API_PATHS.prompt, { method: 'POST', body: '{"request":{}}' }, 400, 'INVALID_REQUEST');
});

test('a body above the limit is refused before it is read', async (t) => {
  const { api } = await open(t);
  const outgoing = send(api, API_PATHS.clusters, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': API_BODY_LIMIT_BYTES + 1 },
  });
  outgoing.flushHeaders();
  const response = await responseTo(outgoing);
  assert.equal(response.statusCode, 413);
  assert.match(await text(response), /at most 16777216 bytes/);
  outgoing.destroy();
});

test('a prompt is answered line by line, also with an error after text', async (t) => {
  const { api, node } = await open(t);
  node.events = () => [
    { type: 'worker', name: 'NodeA', id: '1' },
    { type: 'text', text: 'four', tokens: [4] },
    { type: 'error', error: new ShoalError('WORKER_LOST', 'gone', { cause: new Error('secret') }) },
  ];
  assert.deepEqual(await promptLines(api, PROMPT), [
    { type: 'worker', name: 'NodeA', id: '1' },
    { type: 'text', text: 'four', tokens: [4] },
    { type: 'error', error: { code: 'WORKER_LOST', message: 'gone' } },
  ]);
  assert.deepEqual(node.prompts, [JSON.parse(PROMPT)]);
});

test('requests may have every field of the wire, and every kind of event is returned', async (t) => {
  const { api, node } = await open(t);
  const logprob = { token: 1, text: '4', logprob: -0.5 };
  const events: (WorkerChosen | InferenceEvent)[] = [
    { type: 'queued', position: 1 },
    {
      type: 'worker',
      name: 'NodeA',
      id: '1',
      model: 'tiny',
      digest: 'sha256:0',
      privacy: 'local',
      auto: '',
      attempts: 1,
    },
    { type: 'reasoning', text: 'Hm.', tokens: [3] },
    { type: 'text', text: '4', tokens: [1], logprobs: [{ ...logprob, top: [logprob, { text: '5', logprob: -1 }] }] },
    { type: 'tool_call', index: 0, id: 'b', name: 'add', arguments: '{}', tokens: [1] },
    { type: 'embedding', index: 0, vector: [0.5] },
    {
      type: 'finish',
      reason: 'tool_calls',
      rawReason: 'eos',
      usage: { promptTokens: 2, cachedTokens: 1, completionTokens: 1 },
      outputSha256: '00',
      model: 'tiny',
    },
  ];
  node.events = () => events;
  const requests: InferenceRequest[] = [
    {
      input: {
        type: 'messages',
        messages: [
          { role: 'user', content: '1+1?' },
          { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'add', arguments: '{"a":1}' }] },
          { role: 'tool', content: '2', toolCallId: 'a' },
        ],
      },
      sampling: { repeatPenalty: 1.1, presencePenalty: -1, frequencyPenalty: 1, logitBias: [[7, -100]] },
      stop: [],
      tools: [{ name: 'add', description: 'Adds.', parameters: { type: 'object' } }, { name: 'sub' }],
      toolChoice: { name: 'add' },
      parallelToolCalls: true,
      format: { type: 'json_schema', schema: { not: {} } },
      logprobs: 20,
    },
    { input: { type: 'embeddings', texts: ['a', ''] }, sampling: {}, stop: [] },
  ];
  for (const request of requests) {
    assert.deepEqual(await promptLines(api, JSON.stringify({ request })), events);
  }
  assert.deepEqual(
    node.prompts.map(({ request }) => request),
    requests,
  );
});

test('requests that a worker would refuse are refused', async (t) => {
  const { api } = await open(t);
  const chat = { type: 'messages', messages: [{ role: 'user', content: 'Hi' }] };
  const wrong = [
    { tools: [{ name: '' }] },
    { tools: [{ name: 'add', parameters: [] }] },
    { toolChoice: 'required' },
    { tools: [{ name: 'add' }], toolChoice: { name: 'sub' } },
    { input: { type: 'text', text: 'Hi' }, tools: [{ name: 'add' }] },
    { format: { type: 'xml' } },
    { logprobs: 21 },
    { sampling: { repeatPenalty: 0 } },
    { sampling: { logitBias: [[1, 2, 3]] } },
    { input: { type: 'embeddings', texts: [] } },
    { input: { type: 'embeddings', texts: ['a'] }, logprobs: 0 },
    { input: { type: 'messages', messages: [{ role: 'user', content: 'Hi', toolCalls: [] }] } },
  ];
  for (const fields of wrong) {
    const body = JSON.stringify({ request: { input: chat, sampling: {}, stop: [], ...fields } });
    await refused(api, API_PATHS.prompt, { method: 'POST', body }, 400, 'INVALID_REQUEST');
  }
});

test('a prompt that fails before its first event has its own HTTP status', async (t) => {
  const { api, node } = await open(t);
  node.events = () => [{ type: 'error', error: ShoalError.modelNotFound('x', ['y']) }];
  await refused(api, API_PATHS.prompt, { method: 'POST', body: PROMPT }, 404, 'MODEL_NOT_FOUND');
  node.prompt = () => {
    throw ShoalError.invalidRequest('Not in that cluster.');
  };
  await refused(api, API_PATHS.prompt, { method: 'POST', body: PROMPT }, 400, 'INVALID_REQUEST');
});

test('a reader that disconnects ends the generation at once', async (t) => {
  const { api, node } = await open(t);
  node.events = () => [{ type: 'text', text: 'one', tokens: [] }];
  node.isEndless = true;
  const response = await respond(api, API_PATHS.prompt, { method: 'POST', body: PROMPT });
  await once(response, 'data');
  response.destroy();
  await node.left.promise;
});

test('a reader that does not read pauses the generation', async (t) => {
  const { api, node } = await open(t);
  const piece = 'x'.repeat(65_536);
  node.events = function* () {
    for (;;) yield { type: 'text', text: piece, tokens: [] };
  };
  const response = await respond(api, API_PATHS.prompt, { method: 'POST', body: PROMPT });
  const before = await settled(node);
  assert.ok(before * piece.length < 64 * 1_048_576, `${before} events were consumed`);
  response.destroy();
  await node.left.promise;
});

/** Waits until no more events are consumed and returns their number. */
async function settled(node: FakeNode): Promise<number> {
  let quiet = 0;
  for (let last = node.given; quiet < 1_000; last = node.given) {
    await new Promise((resolve) => setImmediate(resolve));
    quiet = node.given === last ? quiet + 1 : 0;
  }
  return node.given;
}

test('prompts are refused before the node exists and while it stops', async (t) => {
  const api = await openApi(testApiOptions());
  t.after(() => api.close());
  await refused(api, API_PATHS.status, {}, 503, 'OVERLOADED');
  api.serve(new FakeNode());
  api.refusePrompts();
  await refused(api, API_PATHS.prompt, { method: 'POST', body: PROMPT }, 503, 'OVERLOADED');
  assert.equal((await call(api, API_PATHS.status)).status, 200);
});

test('a stop request is answered before the node stops', async (t) => {
  const { api, stopped } = await open(t);
  assert.deepEqual(await call(api, API_PATHS.stop, { method: 'POST' }), { status: 200, body: {} });
  await stopped;
});

test('a port in use is refused with a hint', async (t) => {
  const { api } = await open(t);
  const options = testApiOptions();
  const second = openApi({ ...options, settings: { ...options.settings, port: api.port } });
  await assert.rejects(second, { code: 'INVALID_REQUEST', message: new RegExp(`Port ${api.port} is taken.*--port 0`) });
});
