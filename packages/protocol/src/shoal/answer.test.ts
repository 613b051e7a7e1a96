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
import { MAX_VECTOR_LENGTH } from './vector.ts';

const ASKED: InferenceRequest = {
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

/** A client that has asked, under id 1. */
function asking(request = ASKED): { client: PeerSession; hear: (message: object) => Output[] } {
  const client = session('c');
  client.receive(HELLO, 0);
  client.ask(1, request, 0);
  return { client, hear: (message) => client.receive(line({ request_id: 'c-1', ...message }), 0) };
}

/** A worker that was asked, under id 1. */
function serving(message: object = { prompt: 'Hi' }): PeerSession {
  const worker = session('w');
  worker.receive(HELLO, 0);
  worker.receive(line({ type: 'inference_request', request_id: 'c-1', ...message }), 0);
  return worker;
}

/** The events that a client hears of these, which a worker says. */
function heard(request: InferenceRequest, events: readonly InferenceEvent[]): InferenceEvent[] {
  const { client } = asking(request);
  const [message] = sent(asking(request).client.ask(2, request, 0));
  const worker = serving({ ...message, request_id: 'c-1' });
  const bytes = events.flatMap((event) => sent(worker.respond(1, event, 0)).map(line));
  return bytes.flatMap((frame) => eventsOf(client.receive(frame, 0)));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

test('tool calls arrive piece by piece, and the digest covers their names and arguments', () => {
  const [call, rest, end, ...more] = heard(ASKED, [CALL, REST, FINISH]);
  assert.deepEqual([call, rest, more], [CALL, REST, []]);
  assert.deepEqual(end, { ...FINISH, outputSha256: sha256('\0add\0{"a":1}') });
});

test('the digest is the same however text and calls are cut, and that of the text alone where nothing is called', () => {
  const digestOf = (events: readonly InferenceEvent[]): unknown => {
    const end = heard(ASKED, [...events, FINISH]).at(-1);
    return end?.type === 'finish' && end.outputSha256;
  };
  const text = (words: string): InferenceEvent => ({ type: 'text', text: words, tokens: [] });
  assert.equal(digestOf([text('fo'), text('ur')]), sha256('four'));
  assert.equal(digestOf([text('four'), CALL, REST]), sha256('four\0add\0{"a":1}'));
  assert.equal(digestOf([text('four'), { ...CALL, arguments: '{"a":1}' }]), sha256('four\0add\0{"a":1}'));
});

test('a tool call that was changed on the way is an error', () => {
  const { hear } = asking();
  hear({ type: 'inference_tool_call', index: 0, id: 'a', name: 'add', arguments: '{"a":2}' });
  const [end] = eventsOf(
    hear({ type: 'inference_end', finish_reason: 'tool_calls', output_sha256: sha256('\0add\0{"a":1}') }),
  );
  assert.equal(end?.type === 'error' && end.error.code, 'GENERATION_FAILED');
});

test('probabilities arrive with their tokens, and the logarithm of nothing as the least number', () => {
  const top = { token: 2, text: '5', logprob: -Infinity };
  const chosen: SampledLogprob = { token: 1, text: '4', logprob: -0.25, top: [{ ...top, logprob: -1 }, top] };
  const [text] = heard({ ...ASKED, logprobs: 2 }, [{ type: 'text', text: '4', tokens: [1], logprobs: [chosen] }]);
  const least = { ...top, logprob: -Number.MAX_VALUE };
  const logprobs = [{ ...chosen, top: [chosen.top[0], least] }];
  assert.deepEqual(text, { type: 'text', text: '4', tokens: [1], logprobs });
});

test('vectors arrive as 32-bit floats, exactly, and the tokens that were in memory are told', () => {
  const vector = [0.5, -0.25, Math.fround(0.1), 0];
  const usage = { promptTokens: 4, cachedTokens: 1, completionTokens: 0 };
  const events = heard(TEXTS, [
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

test('a vector too long for a message, or with what is no number, ends the answer with an error on both sides', () => {
  for (const vector of [Array<number>(MAX_VECTOR_LENGTH + 1).fill(0), [Number.NaN], [1e300]]) {
    const worker = serving({ embed: ['a'] });
    const outputs = worker.respond(1, { type: 'embedding', index: 0, vector }, 0);
    assert.deepEqual([sent(outputs)[0]?.['code'], outputs[1]], ['GENERATION_FAILED', { type: 'abort', id: 1 }]);
    assert.deepEqual(worker.respond(1, FINISH, 0), []);
  }
  const [longest] = sent(
    serving({ embed: ['a'] }).respond(
      1,
      { type: 'embedding', index: 0, vector: Array<number>(MAX_VECTOR_LENGTH).fill(0.1) },
      0,
    ),
  );
  assert.equal(longest?.['type'], 'inference_embedding');
});

test('a piece that no peer may take ends the answer with an error, and never closes the connection', () => {
  const chosen = { token: 1, text: 'x'.repeat(MAX_MESSAGE_BYTES), logprob: 0, top: [] };
  const worker = serving();
  const outputs = worker.respond(1, { type: 'text', text: 'x', tokens: [1], logprobs: [chosen] }, 0);
  assert.deepEqual([sent(outputs)[0]?.['code'], outputs[1]], ['GENERATION_FAILED', { type: 'abort', id: 1 }]);
  for (const wrong of [{ index: 128 }, { id: 'x'.repeat(257) }, { name: 'x'.repeat(129) }, { name: '' }]) {
    const [said] = sent(serving().respond(1, { ...CALL, ...wrong }, 0));
    assert.equal(said?.['code'], 'GENERATION_FAILED');
  }
});

test('a call that begins without id and name is refused, unless it began elsewhere', () => {
  const { type, index, arguments: text } = REST;
  const rest = { type: 'inference_tool_call', index, arguments: text };
  const code = (request: InferenceRequest): unknown => {
    const [event] = eventsOf(asking(request).hear(rest));
    return event?.type === 'error' ? event.error.code : event?.type;
  };
  assert.equal(code(ASKED), 'BAD_MESSAGE');
  assert.equal(code({ ...ASKED, resume: { text: '', tokens: [1, 2] } }), type);
});

test('vectors that are missing, doubled or not asked for are never passed off as an answer', () => {
  const vector = Buffer.from(Float32Array.of(1).buffer).toString('base64');
  const embedding = (index: number) => ({ type: 'inference_embedding', index, vector });
  const codeOf = (messages: readonly object[], request = TEXTS): unknown => {
    const { hear } = asking(request);
    const last = messages.flatMap((message) => eventsOf(hear(message))).at(-1);
    return last?.type === 'error' && last.error.code;
  };
  const end = { type: 'inference_end', finish_reason: 'stop' };
  assert.equal(codeOf([embedding(0), embedding(1), end]), false);
  assert.equal(codeOf([embedding(0), end]), 'GENERATION_FAILED');
  assert.equal(codeOf([embedding(1)]), 'BAD_MESSAGE');
  assert.equal(codeOf([embedding(0), embedding(0)]), 'BAD_MESSAGE');
  assert.equal(codeOf([embedding(0)], ASKED), 'BAD_MESSAGE');
});

test('a piece that cannot be read ends its answer, which is taken back', () => {
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
    const outputs = asking(TEXTS).hear(piece);
    assert.equal(sent(outputs)[0]?.['type'], 'inference_abort', JSON.stringify(piece));
    const [ended] = eventsOf(outputs);
    assert.equal(ended?.type === 'error' && ended.error.code, 'BAD_MESSAGE');
  }
});

test('a piece of an answer that has ended is late, and dropped', () => {
  const { client, hear } = asking();
  client.abort(1);
  assert.deepEqual(hear({ type: 'inference_tool_call', index: 0, arguments: '' }), []);
  assert.deepEqual(hear({ type: 'inference_embedding', index: 0, vector: 'no' }), []);
});

test('tool calls and vectors use up credit as chunks do, and a worker that overdraws it is given up', () => {
  const worker = serving();
  const [call] = sent(worker.respond(1, CALL, 0));
  assert.equal(worker.credit(1), INITIAL_CREDIT_BYTES - encodeObject(call ?? {}).length);
  const endless = { type: 'inference_tool_call', index: 0, id: 'a', name: 'add', arguments: 'x'.repeat(100_000) };
  const { hear } = asking();
  const codes = Array.from({ length: 6 }, () => eventsOf(hear(endless))[0]).map(
    (event) => event?.type === 'error' && event.error.code,
  );
  assert.deepEqual(codes, [false, false, false, false, false, 'WORKER_LOST']);
});

test('where streaming is not wanted, held text is said before the tool call that follows it', () => {
  const worker = serving({ prompt: 'Hi', stream: false });
  assert.deepEqual(worker.respond(1, { type: 'text', text: 'Let me ', tokens: [5] }, 0), []);
  assert.deepEqual(worker.respond(1, { type: 'text', text: 'see.', tokens: [6] }, 0), []);
  const said = sent([...worker.respond(1, CALL, 0), ...worker.respond(1, FINISH, 0)]);
  assert.deepEqual(
    said.map(({ type, text, tokens }) => [type, text, tokens]),
    [
      ['inference_chunk', 'Let me see.', [5, 6]],
      ['inference_tool_call', undefined, [1, 2]],
      ['inference_end', undefined, undefined],
    ],
  );
});

test('held text goes out before its probabilities fill a message', () => {
  const worker = serving({ prompt: 'Hi', stream: false, logprobs: 20 });
  const likely = { token: 1, text: 'some token', logprob: -0.123456789012345 };
  const event: InferenceEvent = {
    type: 'text',
    text: 'a',
    tokens: [1],
    logprobs: [{ ...likely, top: Array.from({ length: 20 }, () => likely) }],
  };
  const said = Array.from({ length: 1_000 }, () => worker.respond(1, event, 0)).flatMap(sent);
  assert.ok(said.length > 10 && said.every((message) => encodeObject(message).length < MAX_MESSAGE_BYTES));
});

test('a schema that nests deeper than a message may is refused before it is sent', () => {
  let schema: JsonObject = {};
  for (let level = 0; level < 40; level += 1) schema = { not: schema };
  const request: InferenceRequest = { ...ASKED, format: { type: 'json_schema', schema } };
  assert.throws(() => asking(request), { code: 'INVALID_REQUEST', message: /nests too deep/ });
});

test('a hello tells what its models can do, and words that nobody knows yet are left out', () => {
  const client = session('c');
  const models = [{ id: 'tiny', abilities: ['messages', 'telepathy'] }, { id: 'old' }];
  const outputs = client.receive(line({ type: 'peer_hello', protocol: PROTOCOL, peer_id: 'w', models }), 0);
  const met = outputs.find((output) => output.type === 'peer');
  assert.deepEqual(met?.peer.models, [{ id: 'tiny', abilities: ['messages'] }, { id: 'old' }]);
});
