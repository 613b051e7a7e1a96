import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { SampledLogprob, InferenceEvent, ToolCallEvent } from '../event.ts';
import { ndjsonFramer } from '../framing/index.ts';
import { encodeObject, type JsonObject, parseObject } from '../json.ts';
import { type InferenceRequest, promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import { INITIAL_CREDIT_BYTES, MAX_MESSAGE_BYTES, MAX_REQUEST_BYTES, PROTOCOL } from './messages.ts';
import { PeerSession } from './session.ts';
import { MAX_VECTOR_LENGTH } from '../vector.ts';

const REQUEST: InferenceRequest = {
  input: promptInput('Hi'),
  sampling: {},
  stop: [],
  tools: [{ name: 'add' }],
};
const TEXTS: InferenceRequest = { input: { type: 'embeddings', texts: ['a', 'b'] }, sampling: {}, stop: [] };
const FINISH: InferenceEvent = { type: 'finish', reason: 'tool_calls', rawReason: 'eos' };
const CALL: InferenceEvent = { type: 'tool_call', index: 0, id: 'a', name: 'add', arguments: '{"a":', tokens: [1, 2] };
const REST: ToolCallEvent = { type: 'tool_call', index: 0, arguments: '1}', tokens: [3] };

const line = (message: object): Uint8Array => ndjsonFramer(0).encode(encodeObject(message));
const sent = (outputs: readonly Output[]): JsonObject[] =>
  outputs.flatMap((output) => (output.type === 'send' ? [parseObject(output.bytes)] : []));
const eventsOf = (outputs: readonly Output[]): InferenceEvent[] =>
  outputs.flatMap((output) => (output.type === 'event' ? [output.event] : []));

function session(key: string): PeerSession {
  const one = new PeerSession({
    framer: ndjsonFramer(MAX_REQUEST_BYTES),
    hello: () => ({
      type: 'peer_hello',
      node_name: key,
      clusters: [],
      supported_models: [],
      protocol: PROTOCOL,
      peer_id: key.repeat(64),
      version: '0',
      uptime_s: 0,
      roles: ['worker', 'client'],
      models: [],
    }),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 1 }),
    idPrefix: key,
    helloOwed: false,
  });
  one.start(0);
  return one;
}

const HELLO = line({ type: 'peer_hello', protocol: PROTOCOL, peer_id: 'c'.repeat(64) });

/** Returns a client with an open request of id 1. */
function openClient(request = REQUEST): { client: PeerSession; receive: (message: object) => Output[] } {
  const client = session('c');
  client.receive(HELLO, 0);
  client.ask(1, request, 0);
  return { client, receive: (message) => client.receive(line({ request_id: 'c-1', ...message }), 0) };
}

/** Returns a worker with an open request of id 1. */
function openWorker(message: object = { prompt: 'Hi' }): PeerSession {
  const worker = session('w');
  worker.receive(HELLO, 0);
  worker.receive(line({ type: 'inference_request', request_id: 'c-1', ...message }), 0);
  return worker;
}

/** Returns the events that a client receives when a worker sends these. */
function transmitted(request: InferenceRequest, events: readonly InferenceEvent[]): InferenceEvent[] {
  const { client } = openClient(request);
  const [message] = sent(openClient(request).client.ask(2, request, 0));
  const worker = openWorker({ ...message, request_id: 'c-1' });
  const bytes = events.flatMap((event) => sent(worker.respond(1, event, 0)).map(line));
  return bytes.flatMap((frame) => eventsOf(client.receive(frame, 0)));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

test('tool calls arrive piece by piece, and the digest covers their names and arguments', () => {
  const [call, rest, end, ...more] = transmitted(REQUEST, [CALL, REST, FINISH]);
  assert.deepEqual([call, rest, more], [CALL, REST, []]);
  assert.deepEqual(end, { ...FINISH, outputSha256: sha256('\0add\0{"a":1}') });
});

test('the digest does not depend on how text and calls are split, and is that of the text without calls', () => {
  const digestOf = (events: readonly InferenceEvent[]): unknown => {
    const end = transmitted(REQUEST, [...events, FINISH]).at(-1);
    return end?.type === 'finish' && end.outputSha256;
  };
  const text = (words: string): InferenceEvent => ({ type: 'text', text: words, tokens: [] });
  assert.equal(digestOf([text('fo'), text('ur')]), sha256('four'));
  assert.equal(digestOf([text('four'), CALL, REST]), sha256('four\0add\0{"a":1}'));
  assert.equal(digestOf([text('four'), { ...CALL, arguments: '{"a":1}' }]), sha256('four\0add\0{"a":1}'));
});

test('a changed tool call is an error', () => {
  const { receive } = openClient();
  receive({ type: 'inference_tool_call', index: 0, id: 'a', name: 'add', arguments: '{"a":2}' });
  const [end] = eventsOf(
    receive({ type: 'inference_end', finish_reason: 'tool_calls', output_sha256: sha256('\0add\0{"a":1}') }),
  );
  assert.equal(end?.type === 'error' && end.error.code, 'GENERATION_FAILED');
});

test('log probabilities arrive with their tokens, and the logarithm of 0 as the smallest number', () => {
  const top = { token: 2, text: '5', logprob: -Infinity };
  const chosen: SampledLogprob = { token: 1, text: '4', logprob: -0.25, top: [{ ...top, logprob: -1 }, top] };
  const [text] = transmitted({ ...REQUEST, logprobs: 2 }, [
    { type: 'text', text: '4', tokens: [1], logprobs: [chosen] },
  ]);
  const least = { ...top, logprob: -Number.MAX_VALUE };
  const logprobs = [{ ...chosen, top: [chosen.top[0], least] }];
  assert.deepEqual(text, { type: 'text', text: '4', tokens: [1], logprobs });
});

test('vectors arrive exactly as 32-bit floats, and cached tokens are reported', () => {
  const vector = [0.5, -0.25, Math.fround(0.1), 0];
  const usage = { promptTokens: 4, cachedTokens: 1, completionTokens: 0 };
  const events = transmitted(TEXTS, [
    { type: 'embedding', index: 0, vector },
    { type: 'embedding', index: 1, vector: [1] },
    { type: 'finish', reason: 'stop', rawReason: 'end', usage },
  ]);
  assert.deepEqual(events.slice(0, 2), [
    { type: 'embedding', index: 0, vector },
    { type: 'embedding', index: 1, vector: [1] },
  ]);
  assert.deepEqual(events[2]?.type === 'finish' && events[2].usage, usage);
});

test('a vector that is too long or has a value that is not a number fails the answer on both sides', () => {
  for (const vector of [Array<number>(MAX_VECTOR_LENGTH + 1).fill(0), [Number.NaN], [1e300]]) {
    const worker = openWorker({ embed: ['a'] });
    const outputs = worker.respond(1, { type: 'embedding', index: 0, vector }, 0);
    assert.deepEqual([sent(outputs)[0]?.['code'], outputs[1]], ['GENERATION_FAILED', { type: 'abort', id: 1 }]);
    assert.deepEqual(worker.respond(1, FINISH, 0), []);
  }
  const [longest] = sent(
    openWorker({ embed: ['a'] }).respond(
      1,
      { type: 'embedding', index: 0, vector: Array<number>(MAX_VECTOR_LENGTH).fill(0.1) },
      0,
    ),
  );
  assert.equal(longest?.['type'], 'inference_embedding');
});

test('an event that is too large fails the answer, and never closes the connection', () => {
  const chosen = { token: 1, text: 'x'.repeat(MAX_MESSAGE_BYTES), logprob: 0, top: [] };
  const worker = openWorker();
  const outputs = worker.respond(1, { type: 'text', text: 'x', tokens: [1], logprobs: [chosen] }, 0);
  assert.deepEqual([sent(outputs)[0]?.['code'], outputs[1]], ['GENERATION_FAILED', { type: 'abort', id: 1 }]);
  for (const wrong of [{ index: 128 }, { id: 'x'.repeat(257) }, { name: 'x'.repeat(129) }, { name: '' }]) {
    const [message] = sent(openWorker().respond(1, { ...CALL, ...wrong }, 0));
    assert.equal(message?.['code'], 'GENERATION_FAILED');
  }
});

test('a call that begins without id and name is refused, unless the answer is resumed', () => {
  const { type, index, arguments: text } = REST;
  const rest = { type: 'inference_tool_call', index, arguments: text };
  const code = (request: InferenceRequest): unknown => {
    const [event] = eventsOf(openClient(request).receive(rest));
    return event?.type === 'error' ? event.error.code : event?.type;
  };
  assert.equal(code(REQUEST), 'BAD_MESSAGE');
  assert.equal(code({ ...REQUEST, resume: { text: '', tokens: [1, 2] } }), type);
});

test('missing, duplicate or unrequested vectors fail the answer', () => {
  const vector = Buffer.from(Float32Array.of(1).buffer).toString('base64');
  const embedding = (index: number) => ({ type: 'inference_embedding', index, vector });
  const codeOf = (messages: readonly object[], request = TEXTS): unknown => {
    const { receive } = openClient(request);
    const last = messages.flatMap((message) => eventsOf(receive(message))).at(-1);
    return last?.type === 'error' && last.error.code;
  };
  const end = { type: 'inference_end', finish_reason: 'stop' };
  assert.equal(codeOf([embedding(0), embedding(1), end]), false);
  assert.equal(codeOf([embedding(0), end]), 'GENERATION_FAILED');
  assert.equal(codeOf([embedding(1)]), 'BAD_MESSAGE');
  assert.equal(codeOf([embedding(0), embedding(0)]), 'BAD_MESSAGE');
  assert.equal(codeOf([embedding(0)], REQUEST), 'BAD_MESSAGE');
});

test('an unreadable message fails its answer and aborts the request', () => {
  const pieces = [
    { type: 'inference_tool_call', index: -1, arguments: '' },
    { type: 'inference_tool_call', index: 128, arguments: '' },
    { type: 'inference_tool_call', index: 0, name: '', arguments: '' },
    { type: 'inference_tool_call', index: 0, arguments: {} },
    { type: 'inference_embedding', index: 0, vector: 'AAA' },
    { type: 'inference_embedding', index: 0, vector: 'AAAA' },
    { type: 'inference_embedding', index: 0, vector: '' },
    { type: 'inference_embedding', index: 0, vector: 'AAA_AA==' },
    // A vector of NaN.
    { type: 'inference_embedding', index: 0, vector: 'AADAfw==' },
    { type: 'inference_chunk', text: 'x', tokens: [1], logprobs: [] },
    { type: 'inference_chunk', text: 'x', tokens: [1], logprobs: [{ id: 1, token: 'x', logprob: 1 }] },
  ];
  for (const piece of pieces) {
    const outputs = openClient({ ...TEXTS, tools: REQUEST.tools }).receive(piece);
    assert.equal(sent(outputs)[0]?.['type'], 'inference_abort', JSON.stringify(piece));
    const [ended] = eventsOf(outputs);
    assert.equal(ended?.type === 'error' && ended.error.code, 'BAD_MESSAGE');
  }
});

test('a tool call that the request does not allow fails the answer as that of a lost worker', () => {
  const call = { type: 'inference_tool_call', index: 0, id: 'a', name: 'add', arguments: '{}' };
  const end = { type: 'inference_end', finish_reason: 'tool_calls' };
  for (const request of [
    { ...REQUEST, tools: undefined },
    { ...REQUEST, tools: [] },
    { ...REQUEST, toolChoice: 'none' as const },
  ]) {
    const outputs = openClient(request).receive(call);
    assert.equal(sent(outputs)[0]?.['type'], 'inference_abort');
    for (const [ended] of [eventsOf(outputs), eventsOf(openClient(request).receive(end))]) {
      assert.equal(ended?.type === 'error' && ended.error.code, 'WORKER_LOST');
    }
  }
});

test('an end with the reason abort is an error, because an aborted request is not open any more', () => {
  const [ended] = eventsOf(openClient().receive({ type: 'inference_end', finish_reason: 'abort' }));
  assert.equal(ended?.type === 'error' && ended.error.code, 'GENERATION_ABORTED');
});

test('a message of an ended answer is dropped', () => {
  const { client, receive } = openClient();
  client.abort(1);
  assert.deepEqual(receive({ type: 'inference_tool_call', index: 0, arguments: '' }), []);
  assert.deepEqual(receive({ type: 'inference_embedding', index: 0, vector: 'no' }), []);
});

test('tool calls and vectors use up credit like chunks, and a worker that exceeds it is lost', () => {
  const worker = openWorker();
  const [call] = sent(worker.respond(1, CALL, 0));
  assert.equal(worker.credit(1), INITIAL_CREDIT_BYTES - encodeObject(call ?? {}).length);
  const endless = { type: 'inference_tool_call', index: 0, id: 'a', name: 'add', arguments: 'x'.repeat(100_000) };
  const { receive } = openClient();
  const codes = Array.from({ length: 6 }, () => eventsOf(receive(endless))[0]).map(
    (event) => event?.type === 'error' && event.error.code,
  );
  assert.deepEqual(codes, [false, false, false, false, false, 'WORKER_LOST']);
});

test('without streaming, buffered text is sent before the tool call that follows it', () => {
  const worker = openWorker({ prompt: 'Hi', stream: false });
  assert.deepEqual(worker.respond(1, { type: 'text', text: 'Let me ', tokens: [5] }, 0), []);
  assert.deepEqual(worker.respond(1, { type: 'text', text: 'see.', tokens: [6] }, 0), []);
  const messages = sent([...worker.respond(1, CALL, 0), ...worker.respond(1, FINISH, 0)]);
  assert.deepEqual(
    messages.map(({ type, text, tokens }) => [type, text, tokens]),
    [
      ['inference_chunk', 'Let me see.', [5, 6]],
      ['inference_tool_call', undefined, [1, 2]],
      ['inference_end', undefined, undefined],
    ],
  );
});

test('buffered text is sent before its log probabilities fill a message', () => {
  const worker = openWorker({ prompt: 'Hi', stream: false, logprobs: 20 });
  const likely = { token: 1, text: 'some token', logprob: -0.123456789012345 };
  const event: InferenceEvent = {
    type: 'text',
    text: 'a',
    tokens: [1],
    logprobs: [{ ...likely, top: Array.from({ length: 20 }, () => likely) }],
  };
  const messages = Array.from({ length: 1_000 }, () => worker.respond(1, event, 0)).flatMap(sent);
  assert.ok(messages.length > 10 && messages.every((message) => encodeObject(message).length < MAX_MESSAGE_BYTES));
});

test('a schema that nests too deep is refused before it is sent', () => {
  let schema: JsonObject = {};
  for (let level = 0; level < 40; level += 1) schema = { not: schema };
  const request: InferenceRequest = { ...REQUEST, format: { type: 'json_schema', schema } };
  assert.throws(() => openClient(request), { code: 'INVALID_REQUEST', message: /nests too deep/ });
});

test('a request that a worker would not parse is refused before it is sent', () => {
  const schema = { enum: Array.from({ length: 100_000 }, () => ({})) };
  const request: InferenceRequest = { ...REQUEST, format: { type: 'json_schema', schema } };
  assert.throws(() => openClient(request), { code: 'INVALID_REQUEST', message: /too many messages, tools and fields/ });
});

test('a hello has the abilities of its models, and unknown ones are ignored', () => {
  const client = session('c');
  const models = [{ id: 'tiny', abilities: ['messages', 'telepathy'] }, { id: 'old' }];
  const outputs = client.receive(line({ type: 'peer_hello', protocol: PROTOCOL, peer_id: 'w', models }), 0);
  const met = outputs.find((output) => output.type === 'peer');
  assert.deepEqual(met?.peer.models, [{ id: 'tiny', abilities: ['messages'] }, { id: 'old' }]);
});
