import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShoalError } from '../error.ts';
import { FRAME_STALL_MS } from '../message-session.ts';
import { promptInput } from '../request.ts';
import { BLOCK_BYTES } from './chunk-stream.ts';
import { donateClientSession, MAX_RESULT_BYTES, type Mode } from './index.ts';
import { error, frame, Subject } from '../../test/donate-subject.ts';

const SIZE = 1_500_000;
const WEIGHTS = Buffer.from(Uint8Array.from({ length: SIZE }, (_, index) => (index * 31 + (index >> 8)) % 256));
const DATA = WEIGHTS.toString('base64');
const OPENED = '{"v":1,"type":"weights_chunk","index":0,"last":true,"data_b64":"';
const BEGIN = { type: 'model_begin', config_json: '{}', weights_len: SIZE };
const COMMIT = { type: 'model_commit' };
const PIECE_BYTES = 65_536;

/** Sends a frame in pieces, as a socket delivers it. Returns the outputs without repeated `bytes`, and the data. */
function sendInPieces(subject: Subject, text: string): { outputs: unknown[]; data: Buffer; mostBytes: number } {
  const bytes = frame(text);
  const outputs: unknown[] = [];
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    // The memory of a piece is used again for the next one.
    const piece = Buffer.from(bytes.subarray(at, at + PIECE_BYTES));
    const received = subject.session.receive(piece, 0);
    piece.fill(0);
    for (const output of received) {
      if (output.type === 'extension' && output.event.step.type === 'bytes') blocks.push(output.event.step.bytes);
    }
    outputs.push(...subject.summary(received));
  }
  const isNew = (output: unknown, index: number): boolean => output !== 'bytes' || outputs[index - 1] !== 'bytes';
  const mostBytes = Math.max(0, ...blocks.map(({ length }) => length));
  return { outputs: outputs.filter(isNew), data: Buffer.concat(blocks), mostBytes };
}

const escaped = (text: string): string => text.replaceAll('/', '\\/').replaceAll('Q', '\\u0051');
const NOTATIONS: Readonly<Record<string, string>> = {
  'as our client sends it': `${OPENED}${DATA}"}`,
  'with blanks': ` { "type" : "weights_chunk" , "index" : 0 , "data_b64" : "${DATA}" , "last" : true } `,
  'with escapes': `${OPENED}${escaped(DATA)}"}`,
  'with its keys in the order of the alphabet': `{"data_b64":"${DATA}","index":0,"last":true,"type":"weights_chunk","v":1}`,
  'without an index': `{"type":"weights_chunk","data_b64":"${DATA}"}`,
  'with its type at the end': `{"index":0,"data_b64":"${DATA}","type":"weights_chunk"}`,
  'with other fields': `{"a":{"data_b64":"x"},"type":"weights_chunk","index":0,"b":[1,{}],"data_b64":"${DATA}","c":{}}`,
};

for (const [what, text] of Object.entries(NOTATIONS)) {
  test(`a large chunk ${what} is received in blocks`, () => {
    const subject = new Subject('model_push');
    subject.receive(BEGIN);
    const { outputs, data, mostBytes } = sendInPieces(subject, text);
    assert.deepEqual(outputs, ['bytes']);
    assert.ok(data.equals(WEIGHTS));
    assert.ok(mostBytes <= BLOCK_BYTES);
    assert.deepEqual(subject.receive(COMMIT), ['commit']);
  });
}

test('a chunk is passed on as it arrives, so that it is never stored whole', () => {
  for (const text of Object.values(NOTATIONS)) {
    const subject = new Subject('model_push');
    subject.receive(BEGIN);
    const bytes = frame(text);
    assert.deepEqual(subject.receiveBytes(bytes.subarray(0, 600_000)), ['bytes']);
    assert.ok(subject.receiveBytes(bytes.subarray(600_000, bytes.length - 1)).length > 1);
  }
});

test('large chunks come in order, and none comes behind the last', () => {
  const subject = new Subject('model_push');
  subject.receive({ ...BEGIN, weights_len: 3 * SIZE });
  const chunk = (index: number, last: boolean): string =>
    `{"type":"weights_chunk","index":${index},"data_b64":"${DATA}","last":${last}}`;
  assert.deepEqual(sendInPieces(subject, chunk(0, false)).outputs, ['bytes']);
  assert.deepEqual(sendInPieces(subject, chunk(1, true)).outputs, ['bytes']);
  assert.deepEqual(sendInPieces(subject, chunk(2, true)).outputs, ['drop', error('weights overflow')]);
  subject.receive({ ...BEGIN, weights_len: 3 * SIZE });
  assert.deepEqual(sendInPieces(subject, chunk(0, false)).outputs, ['bytes']);
  assert.deepEqual(sendInPieces(subject, chunk(0, false)).outputs, ['drop', error('weights overlap')]);
});

const FAULTS: readonly { what: string; text: string; expected: unknown[] }[] = [
  { what: 'a gap', text: `${OPENED.replace('0', '1')}${DATA}"}`, expected: ['drop', error('weights index gap')] },
  {
    what: 'a wrong index behind the data',
    text: `{"type":"weights_chunk","data_b64":"${DATA}","index":1}`,
    expected: ['bytes', 'drop', error('weights index gap')],
  },
  {
    what: 'two indexes',
    text: `${OPENED}${DATA}","index":1}`,
    expected: ['bytes', 'drop', error('weights index gap')],
  },
  { what: 'excess', text: `${OPENED}${DATA}AAAA"}`, expected: ['bytes', 'drop', error('weights overflow')] },
  {
    what: 'excess behind a late type',
    text: `{"data_b64":"${DATA}AAAA","type":"weights_chunk"}`,
    expected: ['bytes', 'drop', error('weights overflow')],
  },
  {
    what: 'another type behind the data',
    text: `{"data_b64":"${DATA}","type":"hello"}`,
    expected: ['bytes', 'drop', error('bad message')],
  },
  {
    what: 'text that is not base64',
    text: `${OPENED}${DATA.slice(0, 1_000_000)}-${DATA.slice(1_000_001)}"}`,
    expected: ['bytes', 'drop', error('weights b64 decode')],
  },
  {
    what: 'a quad too short',
    text: `${OPENED}${DATA.slice(1)}"}`,
    expected: ['bytes', 'drop', error('weights b64 decode')],
  },
  {
    what: 'padding in the middle',
    text: `${OPENED}${DATA.slice(0, 1_000_000)}AA==${DATA.slice(1_000_004)}"}`,
    expected: ['bytes', 'drop', error('weights b64 decode')],
  },
  {
    what: 'an escape that is not base64',
    text: `${OPENED}${DATA.slice(0, 1_000_000)}\\n${DATA.slice(1_000_001)}"}`,
    expected: ['bytes', 'drop', error('weights b64 decode')],
  },
  {
    what: 'a wrong field behind the data',
    text: `${OPENED}${DATA}","last":"yes"}`,
    expected: ['bytes', 'drop', error('bad message')],
  },
  { what: 'no end', text: `${OPENED}${DATA}`, expected: ['bytes', 'drop', error('bad message')] },
  { what: 'bad JSON behind the data', text: `${OPENED}${DATA}",}`, expected: ['bytes', 'drop', error('bad message')] },
  {
    what: 'data twice',
    text: `${OPENED}${DATA}","data_b64":"AAAA"}`,
    expected: ['bytes', 'drop', error('bad message')],
  },
  {
    what: 'another version',
    text: `${OPENED}${DATA}","v":2}`,
    expected: ['bytes', 'drop', error('bad message')],
  },
  {
    what: 'much behind the data',
    text: `${OPENED}${DATA}","x":"${'x'.repeat(5_000)}"}`,
    expected: ['bytes', 'drop', error('bad message')],
  },
];

for (const { what, text, expected } of FAULTS) {
  test(`a large chunk with ${what} fails its upload, and another can begin`, () => {
    const subject = new Subject('model_push');
    subject.receive(BEGIN);
    assert.deepEqual(sendInPieces(subject, text).outputs, expected);
    assert.deepEqual(sendInPieces(subject, NOTATIONS['as our client sends it'] ?? '').outputs, []);
    assert.deepEqual(subject.receive(COMMIT), []);
    subject.receive(BEGIN);
    assert.deepEqual(sendInPieces(subject, NOTATIONS['as our client sends it'] ?? '').outputs, ['bytes']);
    assert.deepEqual(subject.receive(COMMIT), ['commit']);
  });
}

test('a large chunk outside an upload has the answers of a small one, and its data is not kept', () => {
  const without = new Subject('model_push');
  for (const expected of [[error('no config')], []]) {
    assert.deepEqual(sendInPieces(without, `${OPENED}${DATA}"}`).outputs, expected);
  }
  const late = new Subject('model_push');
  assert.deepEqual(sendInPieces(late, NOTATIONS['without an index'] ?? '').outputs, [error('no config')]);
  const after = new Subject('model_push');
  after.receive(BEGIN);
  sendInPieces(after, `${OPENED}${DATA}"}`);
  after.receive(COMMIT);
  assert.deepEqual(sendInPieces(after, `${OPENED}${DATA}"}`).outputs, [error('weights overflow')]);
});

test('an upload that ends while a chunk arrives takes nothing more of it', () => {
  const subject = new Subject('model_push');
  subject.receive(BEGIN);
  const bytes = frame(`${OPENED}${DATA}"}`);
  subject.receiveBytes(bytes.subarray(0, 1_000_000));
  const full = new ShoalError('STORAGE_FULL', 'No room on /dev/sda1.');
  assert.deepEqual(subject.endUpload(1, full), ['drop', error('storage full')]);
  assert.deepEqual(subject.receiveBytes(bytes.subarray(1_000_000)), []);
});

const LONG = 'x'.repeat(2_000_000);
const SKIPPED: readonly { mode: Mode; text: string; expected: unknown[] }[] = [
  {
    mode: 'local_lm',
    text: `{"type":"prompt","job_id":"a","prompt":"${LONG}"}`,
    expected: [error('a job may have at most 1048576 bytes')],
  },
  {
    mode: 'local_lm',
    text: `{"prompt":"${LONG}","type":"prompt"}`,
    expected: [error('a message may have at most 1048576 bytes')],
  },
  {
    mode: 'local_lm',
    text: `{"type":"infer","x":"${LONG}"}`,
    expected: [error('this node is local_lm; send prompt, not infer')],
  },
  { mode: 'local_lm', text: `{"nonsense",${LONG}}`, expected: [error('bad message')] },
  {
    mode: 'model_push',
    text: `{"type":"infer","job_id":"a","input_ids":[${LONG}]}`,
    expected: [error('model not mounted')],
  },
  {
    mode: 'model_push',
    text: `{"type":"hello","x":"${LONG}"}`,
    expected: [error('a message may have at most 1048576 bytes')],
  },
  { mode: 'model_push', text: `{"x":"${LONG}"}`, expected: [error('a message may have at most 1048576 bytes')] },
  { mode: 'model_push', text: `{"x",${LONG}}`, expected: [error('bad message')] },
  {
    mode: 'model_push',
    text: `{"type":"model_begin","config_json":"${LONG}","weights_len":3}`,
    expected: [error('a message may have at most 1048576 bytes')],
  },
];

for (const { mode, text, expected } of SKIPPED) {
  test(`${mode} skips ${text.slice(0, 40)}…, and the connection is kept`, () => {
    const subject = new Subject(mode);
    assert.deepEqual(sendInPieces(subject, text).outputs, expected);
    assert.deepEqual(subject.receive({ type: 'nonsense' }), [error('unknown type: nonsense')]);
  });
}

test('a node in local_lm refuses large chunks once, whatever their notation', () => {
  const subject = new Subject('local_lm');
  assert.deepEqual(subject.receive(BEGIN), [error('model_push not enabled on this node')]);
  for (const text of Object.values(NOTATIONS)) assert.deepEqual(sendInPieces(subject, text).outputs, []);
});

test('a large frame that does not end in time closes the connection, as a small one does', () => {
  for (const mode of ['local_lm', 'model_push'] as const) {
    const subject = new Subject(mode);
    const bytes = frame(`${OPENED}${DATA}"}`);
    subject.receiveBytes(bytes, 1_000);
    subject.receiveBytes(bytes.subarray(0, 10), 2_000);
    subject.receiveBytes(bytes.subarray(10, 1_000_000), 20_000);
    assert.equal(subject.session.wakeAt, 2_000 + FRAME_STALL_MS);
    assert.deepEqual(subject.summary(subject.session.tick(2_000 + FRAME_STALL_MS)), [error('bad message'), 'close']);
  }
});

test('a result above the limit of the client fails its job, and the next one is sent', () => {
  const session = donateClientSession();
  session.ask(1, { input: promptInput('hi'), sampling: {}, stop: [] }, 0);
  session.ask(2, { input: promptInput('hi'), sampling: {}, stop: [] }, 0);
  const text = 'x'.repeat(MAX_RESULT_BYTES);
  const other = JSON.stringify({ type: 'prompt_result', job_id: 'job-2', ok: true, text });
  assert.deepEqual(session.receive(frame(other), 0), []);
  const outputs = session.receive(frame(JSON.stringify({ type: 'prompt_result', job_id: 'job-1', ok: true, text })), 0);
  const [event, next] = outputs;
  assert.ok(event?.type === 'event' && event.event.type === 'error' && next?.type === 'send');
});
