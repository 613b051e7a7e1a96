import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { test, type TestContext } from 'node:test';
import { pino } from 'pino';
import type { WorkerChosen } from '@shoal/client';
import type { AnswerWriter, Call } from '@shoal/formats/call';
import type { InferenceEvent } from '@shoal/protocol';
import { promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { FakeNode } from '../../testing/fake-node.ts';
import { answerCall, type CallTimes } from './answer-call.ts';

const WORKER: WorkerChosen = {
  type: 'worker',
  name: 'Node Å',
  id: '1',
  model: 'tiny',
  privacy: 'encrypted',
  attempts: 2,
};
const FINISH: InferenceEvent = { type: 'finish', reason: 'stop', rawReason: 'end' };
const LOST: InferenceEvent = { type: 'error', error: ShoalError.workerLost('The worker is gone.') };
const LONG: CallTimes = { headersWaitMs: 60_000, keepAliveMs: 60_000, wholeHeadersWaitMs: 60_000 };
/** The first sign of life comes at once. */
const SHORT: CallTimes = { headersWaitMs: 1, keepAliveMs: 1, wholeHeadersWaitMs: 1 };

const text = (piece: string): InferenceEvent => ({ type: 'text', text: piece, tokens: [1] });

/** A format that writes the text of events in brackets. */
function call(options: Partial<Call> = {}): Call {
  const writer: AnswerWriter = {
    contentType: 'text/plain',
    begin: () => '<',
    event: (event, choice) => `[${choice}:${event.type === 'text' ? event.text : event.type}]`,
    keepAlive: () => '~',
    moved: (worker) => `(${worker})`,
    fail: ({ code }) => `!${code}`,
    end: () => '>',
  };
  return {
    models: ['tiny'],
    request: { input: promptInput('Hi'), sampling: { seed: 7 }, stop: [] },
    count: 1,
    streams: true,
    write: (answers, { model, peer }) => ({ texts: answers.map((answer) => answer.text), by: [model(), peer()] }),
    stream: () => writer,
    ...options,
  };
}

interface Served {
  readonly node: FakeNode;
  /** The outcome of each call. */
  readonly ends: string[];
  /** Resolves when the call has been answered. */
  readonly answered: Promise<void>;
  readonly ask: (headers?: IncomingHttpHeaders) => Promise<IncomingMessage>;
}

/** Serves one call over HTTP. */
async function serve(t: TestContext, served: Call, times = LONG, bodyBytes = 0): Promise<Served> {
  const node = new FakeNode();
  node.offered = [{ id: 'tiny', peers: ['A'], isOwn: false }];
  const ends: string[] = [];
  const done = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    const exchange = {
      headers: request.headers,
      bodyBytes,
      response,
      requestId: 'req_1',
      writeError: ({ code }: ShoalError, status: number) => ({ status, body: { code } }),
      node,
      aliases: {},
      metrics: {
        first: () => undefined,
        token: () => undefined,
        end: (outcome: string) => void ends.push(outcome),
      },
      log: pino({ enabled: false }),
    };
    void answerCall(served, exchange, times).then(done.resolve);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const ask = async (headers: IncomingHttpHeaders = {}): Promise<IncomingMessage> => {
    const outgoing = httpRequest({ host: '127.0.0.1', port: address.port, agent: false, headers });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    return response;
  };
  return { node, ends, answered: done.promise, ask };
}

/** The received text, and true if the body ended properly. */
async function bodyOf(response: IncomingMessage): Promise<{ text: string; isWhole: boolean }> {
  let received = '';
  try {
    for await (const chunk of response) received += String(chunk);
    return { text: received, isWhole: true };
  } catch {
    return { text: received, isWhole: false };
  }
}

test('a stream has its headers, its events in order and a proper end', async (t) => {
  const { node, ends, ask } = await serve(t, call());
  node.events = () => [{ type: 'queued', position: 1 }, WORKER, text('a'), text('b'), FINISH];
  const response = await ask();
  assert.equal(response.statusCode, 200);
  assert.partialDeepStrictEqual(response.headers, {
    'content-type': 'text/plain',
    'x-shoal-worker': 'Node %C3%85',
    'x-shoal-privacy': 'encrypted',
    'x-shoal-attempts': '2',
  });
  assert.deepEqual(await bodyOf(response), { text: '<[0:a][0:b][0:finish]>', isWhole: true });
  assert.deepEqual(ends, ['ok']);
});

test('a failure before the first event has its status, and a hint when to try again', async (t) => {
  const { node, ends, ask } = await serve(t, call());
  node.events = () => [{ type: 'error', error: new ShoalError('OVERLOADED', 'Full.', { retryAfterMs: 2_500 }) }];
  const response = await ask();
  assert.equal(response.statusCode, 503);
  assert.equal(response.headers['retry-after'], '3');
  assert.deepEqual(await bodyOf(response), { text: '{"code":"OVERLOADED"}', isWhole: true });
  assert.deepEqual(ends, ['OVERLOADED']);
});

test('a failure in mid-stream is written, and the body has no proper end', async (t) => {
  const { node, ends, ask } = await serve(t, call());
  node.events = () => [WORKER, text('a'), LOST];
  assert.deepEqual(await bodyOf(await ask()), { text: '<[0:a]!WORKER_LOST', isWhole: false });
  assert.deepEqual(ends, ['WORKER_LOST']);
});

test('an answer that its worker cuts short is a failure, streamed or whole', async (t) => {
  for (const streams of [true, false]) {
    const { node, ends, ask } = await serve(t, call({ streams }));
    node.events = () => [WORKER, text('a'), { ...FINISH, reason: 'abort' }];
    const response = await ask();
    assert.equal(response.statusCode, streams ? 200 : 503);
    assert.match((await bodyOf(response)).text, /GENERATION_ABORTED/);
    assert.deepEqual(ends, ['GENERATION_ABORTED']);
  }
});

test('a stream that another worker continues says so', async (t) => {
  const { node, ask } = await serve(t, call());
  node.events = () => [WORKER, text('a'), { ...WORKER, name: 'B' }, text('b'), FINISH];
  assert.equal((await bodyOf(await ask())).text, '<[0:a](B)[0:b][0:finish]>');
});

test('a stream without events gets its headers and signs of life', async (t) => {
  const { node, ask } = await serve(t, call(), SHORT);
  node.isEndless = true;
  const response = await ask();
  assert.equal(response.headers['x-shoal-worker'], 'pending');
  response.setEncoding('utf8');
  let received = '';
  for await (const chunk of response) {
    received += String(chunk);
    if (received.length > 3) break;
  }
  assert.match(received, /^<~~~/);
  await node.left.promise;
});

test('a client that hangs up stops the worker', async (t) => {
  const { node, ends, answered, ask } = await serve(t, call());
  node.events = () => [WORKER, text('a')];
  node.isEndless = true;
  (await ask()).destroy();
  await node.left.promise;
  await answered;
  assert.deepEqual(ends, ['cancelled']);
});

test('a reader that reads nothing pauses the answer', async (t) => {
  const { node, ask } = await serve(t, call());
  const piece = text('x'.repeat(1_024));
  node.events = function* () {
    yield WORKER;
    for (let index = 0; index < 100_000; index++) yield piece;
    yield FINISH;
  };
  const response = await ask();
  let quiet = 0;
  for (let last = node.given; quiet < 1_000; last = node.given) {
    await new Promise((resolve) => setImmediate(resolve));
    quiet = node.given === last ? quiet + 1 : 0;
  }
  assert.ok(node.given < 50_000, `${node.given} events were read`);
  response.destroy();
  await node.left.promise;
});

test('a whole answer is one body, by the model and the peer that answered', async (t) => {
  const { node, ask } = await serve(t, call({ streams: false }));
  node.events = () => [WORKER, text('a'), text('b'), FINISH];
  const response = await ask();
  assert.equal(response.headers['x-shoal-worker'], 'Node %C3%85');
  assert.deepEqual(JSON.parse((await bodyOf(response)).text), { texts: ['ab'], by: ['tiny', 'Node Å'] });
});

test('a whole answer that takes long is preceded by white space, and a late failure breaks the connection', async (t) => {
  for (const end of [FINISH, LOST]) {
    const wait = Promise.withResolvers<void>();
    const { node, ask } = await serve(t, call({ streams: false }), SHORT);
    const prompt = node.prompt.bind(node);
    node.events = () => [WORKER, text('a'), end];
    node.prompt = (request) => ({
      async *[Symbol.asyncIterator]() {
        await wait.promise;
        yield* prompt(request);
      },
    });
    const response = await ask();
    await once(response, 'readable');
    wait.resolve();
    const { text: body, isWhole } = await bodyOf(response);
    assert.equal(isWhole, end === FINISH);
    assert.match(body, end === FINISH ? /^ +\{"texts":\["a"\]/ : /^ *$/);
  }
});

test('several answers are generated at once, each with its own seed', async (t) => {
  const { node, ask } = await serve(t, call({ count: 3 }));
  node.events = () => [WORKER, text('a'), FINISH];
  const { text: body } = await bodyOf(await ask());
  for (const piece of ['[0:a]', '[1:a]', '[2:a]', '[2:finish]']) assert.ok(body.includes(piece), body);
  assert.deepEqual(
    node.prompts.map(({ request }) => request.sampling.seed),
    [7, 8, 9],
  );
});

test('the next model of a list is asked if the first has no worker, but not in mid-answer', async (t) => {
  const models = ['tiny', 'other'];
  const offered = models.map((id) => ({ id, peers: [], isOwn: true }));
  const first = await serve(t, call({ models }));
  first.node.offered = offered;
  first.node.events = () => (first.node.prompts.length === 1 ? [LOST] : [WORKER, text('b'), FINISH]);
  assert.equal((await bodyOf(await first.ask())).text, '<[0:b][0:finish]>');
  assert.deepEqual(
    first.node.prompts.map(({ request }) => request.model),
    models,
  );
  const second = await serve(t, call({ models }));
  second.node.offered = offered;
  second.node.events = () => [WORKER, text('a'), LOST];
  assert.equal((await bodyOf(await second.ask())).text, '<[0:a]!WORKER_LOST');
  assert.equal(second.node.prompts.length, 1);
});

test('if no model of a list answers, the error is that of the preferred one', async (t) => {
  const { node, ask } = await serve(t, call({ models: ['tiny', 'other'] }));
  node.offered = ['tiny', 'other'].map((id) => ({ id, peers: [], isOwn: true }));
  node.events = () =>
    node.prompts.length === 1 ? [LOST] : [{ type: 'error', error: ShoalError.modelNotFound('other', []) }];
  assert.equal((await ask()).statusCode, 502);
  assert.equal(node.prompts.length, 2);
});

test('a body that is too large for a peer is refused with the limit, unless this node has the model', async (t) => {
  const twoMiB = 2 * 1024 * 1024;
  const { node, ask } = await serve(t, call(), LONG, twoMiB);
  assert.equal((await ask()).statusCode, 413);
  node.offered = [{ id: 'tiny', peers: [], isOwn: true }];
  node.events = () => [WORKER, FINISH];
  assert.equal((await ask()).statusCode, 200);
});

test('the timeout of an SDK is the deadline of a whole answer', async (t) => {
  const { node, ask } = await serve(t, call({ streams: false }));
  node.events = () => [WORKER, FINISH];
  await ask({ 'x-stainless-timeout': '2' });
  await ask({ 'x-stainless-timeout': 'soon' });
  assert.deepEqual(
    node.prompts.map(({ request }) => request.deadlineMs),
    [2_000, undefined],
  );
});
