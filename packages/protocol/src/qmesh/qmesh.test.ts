import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type InferenceEvent, type Output } from '../index.ts';
import { promptInput } from '../request.ts';
import { ShoalError } from '../error.ts';
import { encodeObject, type JsonObject, parseObject } from '../json.ts';
import { MAX_BAD_MESSAGES_IN_A_ROW } from '../message-session.ts';
import {
  ANSWER_TIMEOUT_MS,
  errorText,
  HEARTBEAT_MS,
  type HealthReport,
  isQmeshFinish,
  MAX_ANSWER_LENGTH,
  MAX_FRAME_BYTES,
  MAX_PROMPT_BYTES,
  MISSED_HEARTBEATS_MAX,
  OVERLOADED_TEXT,
  qmeshClientSession,
  qmeshServerSession,
  qmeshTopic,
} from './index.ts';

const WORKER_ID = 'ab'.repeat(32);
const IDLE: HealthReport = {
  score: 87,
  state: 'healthy',
  cpu: 12,
  memory: 20,
  queueSize: 0,
  queueCapacity: 10,
  canAcceptRequests: true,
};

const worker = () => qmeshServerSession({ workerId: WORKER_ID, health: () => IDLE, timestamp: () => 7 });
const client = () => qmeshClientSession({ idPrefix: '0123abcd', timestamp: () => 7 });

function frame(body: string | Uint8Array, length = body.length): Uint8Array {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const header = Buffer.alloc(4);
  header.writeUInt32BE(typeof body === 'string' && length === body.length ? bytes.length : length);
  return Buffer.concat([header, bytes]);
}

const framed = (message: object): Uint8Array => frame(encodeObject(message));

function sentMessages(outputs: readonly Output[]): JsonObject[] {
  return outputs.flatMap((output) => (output.type === 'send' ? [parseObject(output.bytes.subarray(4))] : []));
}

const types = (outputs: readonly Output[]): string[] => outputs.map(({ type }) => type);

test('the topic is that of QMesh', () => {
  const hex = Buffer.from(qmeshTopic()).toString('hex');
  assert.equal(hex, '11626a5f7ac283282587bb1290c97d09689559922df1dbedd8ac6e084a702d2b');
});

test('a worker sends its health on connect, with a big-endian length', () => {
  const [output] = worker().start(0);
  assert.ok(output?.type === 'send');
  assert.equal(Buffer.from(output.bytes).readUInt32BE(0), output.bytes.length - 4);
  assert.deepEqual(sentMessages([output]), [{ type: 'status', workerId: WORKER_ID, health: IDLE, timestamp: 7 }]);
});

test('both forms of a status request are answered, and a broadcast is not', () => {
  const session = worker();
  for (const type of ['status', 'status_request']) {
    assert.deepEqual(sentMessages(session.receive(framed({ type, requestId: 'x' }), 0)), [
      { type: 'status_response', workerId: WORKER_ID, requestId: 'x', health: IDLE, timestamp: 7 },
    ]);
  }
  for (const extra of [{}, { requestId: 'x' }]) {
    assert.deepEqual(session.receive(framed({ type: 'status', workerId: 'other', health: IDLE, ...extra }), 0), []);
  }
});

test('absent options and a maxTokens of 0 have the documented defaults, and a temperature of 0 is kept', () => {
  const session = worker();
  const ask = (requestId: string, options?: object) => {
    const [output] = session.receive(framed({ type: 'prompt', requestId, prompt: 'Hi', options, timestamp: 1 }), 0);
    assert.ok(output?.type === 'request');
    return output.request;
  };
  assert.deepEqual(ask('1'), { input: promptInput('Hi'), sampling: { maxTokens: 200, temperature: 0.7 }, stop: [] });
  assert.deepEqual(ask('2', { temperature: 0, maxTokens: 3 }).sampling, { maxTokens: 3, temperature: 0 });
  for (const [id, options] of Object.entries({ 3: { temperature: null }, 4: { maxTokens: 0 } })) {
    assert.deepEqual(ask(id, options).sampling, { maxTokens: 200, temperature: 0.7 });
  }
});

test('a request without a prompt, or with a wrong option, is refused with its id', () => {
  const session = worker();
  const answer = (message: object) =>
    sentMessages(session.receive(framed({ type: 'prompt', requestId: 'x', ...message }), 0));
  for (const prompt of [undefined, '', null, 7]) {
    assert.deepEqual(answer({ prompt }), [
      {
        type: 'inference_error',
        workerId: WORKER_ID,
        requestId: 'x',
        error: 'Missing prompt in request',
        timestamp: 7,
      },
    ]);
  }
  const [wrong] = answer({ prompt: 'Hi', options: { maxTokens: 'many' } });
  assert.deepEqual([wrong?.['requestId'], wrong?.['type']], ['x', 'inference_error']);
  const [long] = answer({ prompt: 'x'.repeat(MAX_PROMPT_BYTES) });
  assert.match(String(long?.['error']), /too long/);
});

test('a cancelled or too long answer is an error and never a result', () => {
  const session = worker();
  const open = (requestId: string) => session.receive(framed({ type: 'prompt', requestId, prompt: 'Hi' }), 0);
  open('1');
  const cut = session.respond(1, { type: 'finish', reason: 'abort', rawReason: 'abort' }, 0);
  assert.deepEqual(
    sentMessages(cut).map(({ type, requestId }) => [type, requestId]),
    [['inference_error', '1']],
  );
  open('2');
  const text: InferenceEvent = { type: 'text', text: 'x'.repeat(MAX_ANSWER_LENGTH / 2 + 1), tokens: [] };
  session.respond(2, text, 0);
  const tooLong = session.respond(2, text, 0);
  assert.deepEqual(types(tooLong), ['send', 'abort']);
  assert.equal(sentMessages(tooLong)[0]?.['type'], 'inference_error');
});

test('the duration counts from the start of the generation', () => {
  const session = worker();
  session.receive(framed({ type: 'prompt', requestId: '1', prompt: 'Hi' }), 1_000);
  session.side.started(1, 5_000);
  session.respond(1, { type: 'text', text: 'Hello', tokens: [1] }, 5_200);
  const usage = { promptTokens: 1, completionTokens: 5 };
  const [result] = sentMessages(
    session.respond(1, { type: 'finish', reason: 'length', rawReason: 'maxTokens', usage }, 5_250),
  );
  assert.deepEqual(result?.['result'], { text: 'Hello', tokens: 5, duration: 250, tokensPerSecond: 20 });
});

test('a prompt that is too long is never stored, and refused with its id if that is in front', () => {
  const session = worker();
  const prompt = 'x'.repeat(9 * MAX_PROMPT_BYTES);
  const answer = (message: object): unknown[] => {
    const bytes = framed(message);
    assert.deepEqual(session.receive(bytes.subarray(0, 5_000_000), 0), []);
    return sentMessages(session.receive(bytes.subarray(5_000_000), 0)).map((sent) => [
      sent['type'],
      sent['requestId'],
      /too long/.test(String(sent['error'])),
    ]);
  };
  const refused = (id: string | undefined) => [['inference_error', id, true]];
  assert.deepEqual(answer({ type: 'prompt', requestId: 'x'.repeat(256), prompt }), refused('x'.repeat(256)));
  assert.deepEqual(answer({ prompt, type: 'prompt', requestId: 'late' }), refused(undefined));
  assert.deepEqual(answer({ type: 'status_request', requestId: '1', prompt }), refused(undefined));
  assert.deepEqual(answer({ type: 'inference_error', error: prompt }), []);
  assert.equal(sentMessages(session.receive(framed({ type: 'status_request', requestId: 'x' }), 0)).length, 1);
});

test('a long answer of another program is received', () => {
  const text = '\u0001'.repeat(MAX_ANSWER_LENGTH);
  const [event] = answered({ type: 'inference_result', requestId: '0123abcd00000001', result: { text } });
  assert.deepEqual(event, { type: 'text', text, tokens: [] });
});

test('bad JSON and an empty frame are answered without an id, and the connection is kept', () => {
  const session = worker();
  for (const bytes of [frame(''), frame('{"type":'), framed({ type: 'nonsense' }), framed({ type: 'prompt' })]) {
    const outputs = session.receive(bytes, 0);
    assert.deepEqual(types(outputs), ['send']);
    const [error] = sentMessages(outputs);
    assert.equal(error?.['type'], 'inference_error');
    assert.equal(error !== undefined && 'requestId' in error, false);
  }
  assert.equal(sentMessages(session.receive(framed({ type: 'status_request', requestId: 'x' }), 0)).length, 1);
});

test('an error is never answered with an error', () => {
  assert.deepEqual(worker().receive(framed({ type: 'inference_error', error: 'no' }), 0), []);
  assert.deepEqual(client().receive(frame('{"type":'), 0), []);
});

test('a frame above 10 MiB, or without an object, ends the connection', () => {
  for (const bytes of [frame(new Uint8Array(0), MAX_FRAME_BYTES + 1), frame('GET / HTTP/1.1')]) {
    assert.deepEqual(types(worker().receive(bytes, 0)), ['send', 'close']);
    assert.deepEqual(types(client().receive(bytes, 0)), ['close']);
  }
});

test('too many bad messages in a row end the connection', () => {
  const session = worker();
  const outputs = Array.from({ length: MAX_BAD_MESSAGES_IN_A_ROW }, () => session.receive(frame(''), 0)).flat();
  assert.equal(outputs.at(-1)?.type, 'close');
});

test('every refusal has the documented text', () => {
  for (const code of ['OVERLOADED', 'QUEUE_FULL', 'MODEL_BUSY'] as const) {
    assert.equal(errorText(new ShoalError(code, 'details')), OVERLOADED_TEXT);
  }
  assert.equal(errorText(ShoalError.contextExceeded(9, 8)), ShoalError.contextExceeded(9, 8).message);
});

test('a client requests the status at once, with ids of 16 hex digits', () => {
  const session = client();
  const [request] = sentMessages(session.start(0));
  assert.equal(request?.['type'], 'status_request');
  assert.match(String(request?.['requestId']), /^[0-9a-f]{16}$/);
  const [prompt] = sentMessages(
    session.ask(1, { input: promptInput('Hi'), sampling: { temperature: 0 }, stop: [] }, 0),
  );
  assert.deepEqual(prompt, {
    type: 'prompt',
    requestId: '0123abcd00000002',
    prompt: 'Hi',
    options: { temperature: 0 },
    timestamp: 7,
  });
});

test('a client has the worker’s last report, also with a shorter id', () => {
  const session = client();
  const workerId = 'ab'.repeat(16);
  session.receive(framed({ type: 'status', workerId, health: IDLE, timestamp: 1 }), 0);
  const health = { score: 19.6, state: 'overloaded', cpu: 104, memory: -1 };
  session.receive(framed({ type: 'status_response', workerId, health, timestamp: 1 }), 0);
  assert.deepEqual(session.side.worker, {
    workerId,
    health: { ...health, cpu: 100, memory: 0, queueSize: 0, queueCapacity: 0, canAcceptRequests: false },
  });
});

test('a result has the worker’s measurements', () => {
  const result = { text: '4', tokens: 1, duration: 20, tokensPerSecond: 50 };
  const events = answered({ type: 'inference_result', requestId: '0123abcd00000001', workerId: WORKER_ID, result });
  assert.equal(events.length, 2);
  const [text, finish] = events;
  assert.deepEqual(text, { type: 'text', text: '4', tokens: [] });
  assert.ok(finish !== undefined && isQmeshFinish(finish));
  assert.deepEqual(finish.result, result);
});

test('a result without a text, or an error without an id, fails the request', () => {
  for (const message of [
    { type: 'inference_result', requestId: '0123abcd00000001', result: { tokens: 1 } },
    { type: 'inference_error', error: 'Too few crumbs' },
  ]) {
    const [event] = answered(message);
    assert.equal(event?.type === 'error' && event.error.code, 'GENERATION_FAILED');
  }
});

test('a request without an answer fails after a minute, or at its own deadline', () => {
  for (const deadlineMs of [undefined, 5_000]) {
    const session = client();
    session.ask(1, { input: promptInput('Hi'), sampling: {}, stop: [], ...(deadlineMs && { deadlineMs }) }, 100);
    const due = 100 + (deadlineMs ?? ANSWER_TIMEOUT_MS);
    assert.equal(session.wakeAt, due);
    const [output] = session.tick(due);
    assert.ok(output?.type === 'event' && output.event.type === 'error');
    assert.equal(output.event.error.code, 'TIMEOUT_NO_RESPONSE');
  }
});

test('a worker that stops answering heartbeats while an answer is open is lost', () => {
  const session = client();
  session.receive(framed({ type: 'status_response', workerId: WORKER_ID, health: IDLE }), 0);
  session.ask(1, { input: promptInput('Hi'), sampling: {}, stop: [] }, 0);
  const beat = () => session.tick(session.wakeAt);
  assert.equal(sentMessages(beat())[0]?.['type'], 'status_request');
  assert.equal(session.wakeAt, 2 * HEARTBEAT_MS);
  session.receive(framed({ type: 'status', workerId: WORKER_ID, health: IDLE }), 0);
  for (let missed = 0; missed < MISSED_HEARTBEATS_MAX; missed += 1) assert.deepEqual(types(beat()), ['send']);
  const [output] = beat();
  assert.ok(output?.type === 'event' && output.event.type === 'error');
  assert.equal(output.event.error.code, 'WORKER_LOST');
  assert.equal(session.wakeAt, Infinity);
});

test('silence before a request does not count', () => {
  const asking = client();
  asking.start(0);
  asking.receive(framed({ type: 'status_response', requestId: 'a', workerId: WORKER_ID, health: IDLE }), 0);
  const request = { input: promptInput('Hi'), sampling: {}, stop: [] };
  asking.ask(1, request, 0);
  for (let beat = 0; beat < MISSED_HEARTBEATS_MAX; beat += 1) asking.tick(asking.wakeAt);
  asking.abort(1);
  const askedAt = 3_600_000;
  asking.ask(2, request, askedAt);
  for (let beat = 0; beat < MISSED_HEARTBEATS_MAX; beat += 1) {
    assert.deepEqual(types(asking.tick(asking.wakeAt)), ['send']);
  }
  assert.equal(asking.wakeAt, askedAt + (MISSED_HEARTBEATS_MAX + 1) * HEARTBEAT_MS);
  assert.deepEqual(types(asking.tick(asking.wakeAt)), ['event']);
});

test('the silence of a worker that never answers status requests does not count', () => {
  const session = client();
  session.receive(framed({ type: 'status', workerId: WORKER_ID, health: IDLE }), 0);
  session.ask(1, { input: promptInput('Hi'), sampling: {}, stop: [] }, 0);
  assert.equal(session.wakeAt, ANSWER_TIMEOUT_MS);
});

test('any objects in any pieces cause no exception and change no prototype', () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  const message = fc.record(
    {
      type: fc.constantFrom('status', 'status_request', 'status_response', 'prompt', 'inference_result', '__proto__'),
      requestId: value,
      prompt: value,
      options: fc.oneof(value, fc.record({ maxTokens: value, temperature: value })),
      health: fc.oneof(value, fc.record({ score: value, state: value, queueSize: value })),
      result: fc.oneof(value, fc.record({ text: value, tokens: value })),
      ['__proto__']: value,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(message, fc.nat(40), (sent, cut) => {
      const bytes = framed(sent);
      for (const session of [worker(), client()]) {
        session.receive(bytes.subarray(0, cut), 0);
        session.receive(bytes.subarray(cut), 0);
        session.end();
      }
      assert.equal(Object.keys(Object.prototype).length, 0);
    }),
  );
});

/** Returns the events of a request that this message answers. */
function answered(message: object): InferenceEvent[] {
  const session = client();
  session.ask(1, { input: promptInput('Hi'), sampling: {}, stop: [] }, 0);
  return session.receive(framed(message), 0).flatMap((output) => (output.type === 'event' ? [output.event] : []));
}
