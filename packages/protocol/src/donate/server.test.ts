import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { error, frame, Subject } from '../../test/donate-subject.ts';
import { CLOSE_GRACE_MS, type InferenceEvent } from '../index.ts';
import { ShoalError } from '../error.ts';
import { decodeBase64 } from './base64.ts';
import { JOB_TOO_LONG, type Mode, readErrorText, UPLOAD_IDLE_MS, UPLOAD_LEAST_BYTES_PER_SECOND } from './index.ts';

const FINISH: InferenceEvent = { type: 'finish', reason: 'stop', rawReason: 'eos' };

const status = (ok: boolean, message: string) => ({ type: 'model_status', ok, message });
const begin = (length: unknown, more: object = {}) => ({
  type: 'model_begin',
  config_json: '{"format":"gguf"}',
  weights_len: length,
  ...more,
});
const chunk = (index: number, data: string, last = false) => ({
  type: 'weights_chunk',
  index,
  last,
  data_b64: Buffer.from(data).toString('base64'),
});
const COMMIT = { type: 'model_commit' };
const infer = (jobId: string, ids: unknown = [1]) => ({ type: 'infer', job_id: jobId, input_ids: ids });

test('a complete upload is reported step by step, then mounted', () => {
  const subject = new Subject('model_push');
  assert.deepEqual(subject.receive(begin(6), chunk(0, 'abc'), chunk(1, 'def', true), COMMIT), [
    'begin',
    'bytes',
    'bytes',
    'commit',
  ]);
  assert.deepEqual(subject.receive(infer('early')), ['request']);
  assert.deepEqual(subject.endUpload(1), [status(true, 'mounted')]);
  assert.deepEqual(subject.endUpload(1), []);
  assert.deepEqual(subject.receive(COMMIT), [status(true, 'mounted')]);
});

const FAULTS: readonly { what: string; frames: object[]; expected: unknown[] }[] = [
  { what: 'a gap', frames: [begin(6), chunk(1, 'abc')], expected: ['begin', 'drop', error('weights index gap')] },
  {
    what: 'an overlap',
    frames: [begin(6), chunk(0, 'abc'), chunk(0, 'abc')],
    expected: ['begin', 'bytes', 'drop', error('weights overlap')],
  },
  { what: 'excess', frames: [begin(2), chunk(0, 'abc')], expected: ['begin', 'drop', error('weights overflow')] },
  {
    what: 'a chunk behind the last',
    frames: [begin(6), chunk(0, 'abc', true), chunk(1, 'def')],
    expected: ['begin', 'bytes', 'drop', error('weights overflow')],
  },
  {
    what: 'bad base64',
    frames: [begin(6), { type: 'weights_chunk', index: 0, data_b64: 'ab-d' }],
    expected: ['begin', 'drop', error('weights b64 decode')],
  },
  { what: 'a length of 0', frames: [begin(0)], expected: [error('bad weights_len')] },
  {
    what: 'a length beyond the largest',
    frames: [begin(100 * 64 * 1024 ** 2 + 1)],
    expected: [error('bad weights_len')],
  },
  { what: 'a length that is a text', frames: [begin('6')], expected: [error('bad weights_len')] },
  { what: 'a digest that is none', frames: [begin(6, { weights_sha256: 'abc' })], expected: [error('bad message')] },
  {
    what: 'a wrong field',
    frames: [begin(6), { ...chunk(0, 'abc'), index: '0' }],
    expected: ['begin', 'drop', error('bad message')],
  },
  { what: 'a chunk without a beginning', frames: [chunk(0, 'abc')], expected: [error('no config')] },
];

for (const { what, frames, expected } of FAULTS) {
  test(`${what} is one error, and the rest of that upload is ignored until another begins`, () => {
    const subject = new Subject('model_push');
    assert.deepEqual(subject.receive(...frames), expected);
    assert.deepEqual(subject.receive(chunk(1, 'def'), chunk(7, 'x'), COMMIT), []);
    assert.deepEqual(subject.receive(begin(3), chunk(0, 'abc', true), COMMIT), ['begin', 'bytes', 'commit']);
  });
}

test('the reply to a commit has what is missing', () => {
  const subject = new Subject('model_push');
  assert.deepEqual(subject.receive(COMMIT), [status(false, 'no config')]);
  assert.deepEqual(subject.receive(begin(6), chunk(0, 'abc', true), COMMIT), [
    'begin',
    'bytes',
    'drop',
    status(false, 'weights size mismatch: got 3 expect 6'),
  ]);
});

test('another format is refused at its commit, and nothing of it is reported', () => {
  const subject = new Subject('model_push');
  const onnx = begin(3, { config_json: '{"format":"onnx"}' });
  assert.deepEqual(subject.receive(onnx, chunk(0, 'abc', true), COMMIT), [
    status(false, 'unsupported format: onnx, expected gguf'),
  ]);
});

test('an upload whose configuration names no format is received, so that its file decides', () => {
  const costly = `{"format":"onnx","x":[${'{},'.repeat(300_000)}0]}`;
  for (const config of ['{"layers":4}', '{"format":""}', 'not JSON', '', costly]) {
    const subject = new Subject('model_push');
    const steps = subject.receive(begin(3, { config_json: config }), chunk(0, 'abc', true), COMMIT);
    assert.deepEqual(steps, ['begin', 'bytes', 'commit']);
  }
});

test('a number of tokens of 0 or less is the default, as in the reference implementation', () => {
  const asked = (mode: Mode, job: object): unknown => {
    const { session } = new Subject(mode);
    const before = mode === 'model_push' ? [begin(3), chunk(0, 'abc', true), COMMIT] : [];
    const frames = [...before, { job_id: 'a', ...job }].map((message) => frame(JSON.stringify({ v: 1, ...message })));
    const output = session.receive(Buffer.concat(frames), 0).at(-1);
    return output?.type === 'request' ? output.request.sampling.maxTokens : output;
  };
  for (const [tokens, short, long] of [
    [undefined, 8, 256],
    [0, 8, 256],
    [-1, 8, 256],
    [-0x8000_0000, 8, 256],
    [1, 1, 1],
  ]) {
    assert.equal(asked('model_push', { type: 'infer', input_ids: [1], max_tokens: tokens }), short);
    assert.equal(asked('local_lm', { type: 'prompt', prompt: 'hi', max_out: tokens }), long);
  }
});

test('a local failure ends the upload: with an error before the commit, with a status after it', () => {
  const full = new ShoalError('STORAGE_FULL', 'No room on /dev/sda1.');
  const early = new Subject('model_push');
  early.receive(begin(6));
  assert.deepEqual(early.endUpload(1, full), ['drop', error('storage full')]);
  assert.deepEqual(early.receive(chunk(0, 'abcdef', true), COMMIT), []);
  const late = new Subject('model_push');
  late.receive(begin(3), chunk(0, 'abc', true), COMMIT);
  assert.deepEqual(late.endUpload(1, full), ['drop', status(false, 'storage full')]);
  assert.deepEqual(late.receive(infer('a')), [error('model not mounted')]);
});

test('an upload that stops or drips times out, and one at the least rate does not', () => {
  const subject = new Subject('model_push');
  const second = 'x'.repeat(UPLOAD_LEAST_BYTES_PER_SECOND);
  const send = (index: number, data: string, now: number): unknown[] =>
    subject.receiveBytes(frame(JSON.stringify({ v: 1, ...chunk(index, data) })), now);
  subject.receive(begin(70 * UPLOAD_LEAST_BYTES_PER_SECOND));
  assert.equal(subject.session.wakeAt, UPLOAD_IDLE_MS);
  send(0, second.repeat(6), 5_000);
  assert.equal(subject.session.wakeAt, 5_000 + UPLOAD_IDLE_MS);
  for (let index = 1; index <= 60; index += 1) send(index, second, 5_000 + index * 1_000);
  assert.equal(subject.session.wakeAt, 65_000 + UPLOAD_IDLE_MS);
  send(61, 'x', 85_000);
  assert.equal(Math.floor(subject.session.wakeAt), 65_000 + UPLOAD_IDLE_MS);
  assert.deepEqual(subject.summary(subject.session.tick(subject.session.wakeAt)), ['drop', error('upload timed out')]);
  assert.equal(subject.session.wakeAt, Infinity);
});

test('an upload whose bytes are complete has 30 s for its commit', () => {
  const subject = new Subject('model_push');
  subject.receive(begin(3));
  subject.receiveBytes(frame(JSON.stringify({ v: 1, ...chunk(0, 'abc', true) })), 20_000);
  assert.equal(subject.session.wakeAt, 20_000 + UPLOAD_IDLE_MS);
});

test('a second beginning, or the end of the connection, drops the model', () => {
  const subject = new Subject('model_push');
  subject.receive(begin(3), chunk(0, 'abc', true), COMMIT);
  subject.endUpload(1);
  assert.deepEqual(subject.receive(begin(3)), ['drop', 'begin']);
  assert.deepEqual(subject.receive(infer('a')), [error('model not mounted')]);
  assert.deepEqual(subject.summary(subject.session.end()), ['drop']);
});

test('each mode refuses the jobs of the other, and local_lm an upload once', () => {
  const local = new Subject('local_lm');
  assert.deepEqual(local.receive(infer('a')), [error('this node is local_lm; send prompt, not infer')]);
  const notEnabled = error('model_push not enabled on this node');
  assert.deepEqual(local.receive(begin(3), chunk(0, 'abc'), COMMIT), [notEnabled]);
  assert.deepEqual(local.receive(begin(3)), [notEnabled]);
  const push = new Subject('model_push');
  assert.deepEqual(push.receive({ type: 'prompt', job_id: 'a', prompt: 'hi' }), [
    error('this node is model_push; mount model and send infer'),
  ]);
});

test('a result has the number of waiting jobs; a full queue is an error without an id', () => {
  const subject = new Subject('local_lm');
  subject.receive({ type: 'prompt', job_id: 'a', prompt: 'hi' }, { type: 'prompt', job_id: 'b', prompt: 'ho' });
  assert.deepEqual(subject.receive({ type: 'prompt', job_id: 'a', prompt: 'again' }), [error('duplicate job_id: a')]);
  subject.session.side.started(1, 5);
  subject.respond(1, { type: 'text', text: 'hello', tokens: [1] });
  const result = { type: 'prompt_result', job_id: 'a', ok: true, text: 'hello', queue_depth: 5 };
  assert.deepEqual(subject.respond(1, FINISH), [result]);
  assert.deepEqual(subject.respond(2, { type: 'error', error: new ShoalError('QUEUE_FULL', 'Full.') }), [
    error('queue full'),
  ]);
});

test('the queue is sent to a peer that asks, then at each change', () => {
  const subject = new Subject('local_lm');
  const changed = (): unknown[] => subject.summary(subject.session.side.queueChanged());
  subject.queue = { depth: 1, capacity: 2, in_progress: true };
  assert.deepEqual(changed(), []);
  assert.deepEqual(subject.receive({ type: 'queue_status' }), [{ type: 'queue_status', ...subject.queue }]);
  assert.deepEqual(changed(), []);
  subject.queue = { depth: 0, capacity: 2, in_progress: true };
  assert.deepEqual(changed(), [{ type: 'queue_status', ...subject.queue }]);
});

test('a message fault keeps the connection, a framing fault ends it', () => {
  const subject = new Subject('local_lm');
  assert.deepEqual(subject.receive({ type: 'nonsense' }, {}), [
    error('unknown type: nonsense'),
    error('unknown type: undefined'),
  ]);
  assert.deepEqual(subject.receive({ type: 'prompt', prompt: 7 }), [error('bad message')]);
  assert.deepEqual(subject.receiveBytes(frame('{"v":2,"type":"hello"}')), [error('bad message')]);
  assert.deepEqual(subject.receiveBytes(frame('{nonsense}')), [error('bad message')]);
  assert.deepEqual(subject.receiveBytes(frame('{"type":"hello"}')), []);
  assert.deepEqual(subject.receiveBytes(frame('GET / HTTP/1.1')), [error('bad message'), 'close']);
  assert.deepEqual(subject.receive(infer('a')), []);
  assert.ok(CLOSE_GRACE_MS <= 1_000);
});

test('a job that never started is an error without an id, so that no result overtakes earlier ones', () => {
  const subject = new Subject('local_lm');
  const tooLong = { type: 'prompt', job_id: 'a', prompt: 'x'.repeat(1024 ** 2) };
  assert.deepEqual(subject.receive(tooLong), [error('a job may have at most 1048576 bytes')]);
  assert.equal(readErrorText(JOB_TOO_LONG).code, 'INVALID_REQUEST');
  for (const code of ['QUEUE_FULL', 'OVERLOADED'] as const) {
    const id = subject.ask('b');
    const refusal: InferenceEvent = { type: 'error', error: new ShoalError(code, 'This node is shutting down.') };
    const text = code === 'QUEUE_FULL' ? 'queue full' : 'This node is shutting down.';
    assert.deepEqual(subject.respond(id, refusal), [error(text)]);
  }
  const id = subject.ask('c');
  subject.session.side.started(id, 0);
  const failed: InferenceEvent = { type: 'error', error: ShoalError.generationFailed('The engine fell.') };
  const result = { type: 'prompt_result', job_id: 'c', ok: false, error: 'The engine fell.', queue_depth: 0 };
  assert.deepEqual(subject.respond(id, failed), [result]);
});

test('a large chunk has the same data in every notation of its frame', () => {
  const data = Buffer.alloc(100_000, 'weights ').toString('base64');
  const texts = [
    `{"v":1,"type":"weights_chunk","index":0,"last":true,"data_b64":"${data}"}`,
    `{ "data_b64" : "${data}" , "type": "weights_chunk" }`,
    `{"type":"weights_chunk","data_b64":"${data.replace('a', '\\u0061')}"}`,
    `{"type":"weights_chunk","data_b64":"","data_b64":"${data}"}`,
    `{"type":"weights_chunk","a\\"data_b64":"${'x'.repeat(100_000)}","data_b64":"${data}"}`,
  ];
  for (const text of texts) {
    const subject = new Subject('model_push');
    subject.receive(begin(100_000));
    const [output] = subject.session.receive(frame(text), 0);
    assert.ok(output?.type === 'extension' && output.event.step.type === 'bytes');
    assert.deepEqual(Buffer.from(output.event.step.bytes), Buffer.alloc(100_000, 'weights '));
  }
});

test('a large frame with its data elsewhere is parsed like any other', () => {
  const data = 'A'.repeat(100_000);
  const subject = new Subject('model_push');
  subject.receive(begin(75_000));
  const nested = `{"type":"weights_chunk","x":{"data_b64":"${data}"}}`;
  assert.deepEqual(subject.receiveBytes(frame(nested)), []);
  const broken = `{"type":"weights_chunk","data_b64":"${data}`;
  assert.deepEqual(subject.receiveBytes(frame(broken)), [error('bad message')]);
  const number = `{"type":"weights_chunk","data_b64":7,"pad":"${data}"}`;
  assert.deepEqual(subject.receiveBytes(frame(number)), ['drop', error('bad message')]);
});

test('only base64 as Node writes it is accepted', () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  const decode = (text: string): Uint8Array | undefined => decodeBase64(Buffer.from(text));
  fc.assert(
    fc.property(bytes, (raw) => {
      const decoded = decode(Buffer.from(raw).toString('base64'));
      assert.deepEqual(decoded && Buffer.from(decoded), Buffer.from(raw));
    }),
  );
  fc.assert(
    fc.property(bytes, fc.nat(), fc.constantFrom(' ', '\n', '-', '_', '=', 'é', 'Ł', '\u0000'), (raw, place, wrong) => {
      const text = Buffer.from(raw).toString('base64');
      const at = place % (text.length + 1);
      assert.equal(decode(text.slice(0, at) + wrong + text.slice(at)), undefined);
    }),
  );
  const large = Buffer.alloc(200_001, 'x').toString('base64');
  assert.equal(decode(large)?.length, 200_001);
  assert.equal(decode(`${large.slice(0, 65_536)}=${large.slice(65_537)}`), undefined);
});
