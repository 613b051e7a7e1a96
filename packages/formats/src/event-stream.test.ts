import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventStream } from './event-stream.ts';

const MAX_EVENT_BYTES = 1024 * 1024;

function read(...pieces: readonly (string | Uint8Array)[]): string[] {
  const stream = new EventStream();
  const events: string[] = [];
  for (const piece of pieces) {
    assert.equal(
      stream.push(Buffer.from(piece), (data) => void events.push(data)),
      undefined,
    );
  }
  return events;
}

test('an event is the data before an empty line, with or without a leading space', () => {
  assert.deepEqual(read('data: one\n\ndata:two\n\ndata:  three\n\n'), ['one', 'two', ' three']);
  assert.deepEqual(read('data: half'), []);
  assert.deepEqual(read('data: half\n'), []);
});

test('lines end with CR, LF or both', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    assert.deepEqual(read(`data: one${end}data: more${end}${end}data: two${end}${end}`), ['one\nmore', 'two']);
  }
});

test('comments, other fields and empty events are skipped', () => {
  assert.deepEqual(read(': ping\n\nevent: x\nid: 7\nretry: 1\ndata: one\n\n\n\nevent: y\n\ndatabase: no\n\ndata\n\n'), [
    'one',
    '',
  ]);
  assert.deepEqual(read('\uFEFFdata: one\n\n'), ['one']);
});

test('events are the same wherever the bytes are split', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const bytes = Buffer.from(`: hello${end}data: Grüße 🐟${end}data: {"a":1}${end}${end}data: [DONE]${end}${end}`);
    const whole = read(bytes);
    assert.deepEqual(whole, ['Grüße 🐟\n{"a":1}', '[DONE]']);
    for (let at = 0; at <= bytes.length; at++) {
      assert.deepEqual(read(bytes.subarray(0, at), bytes.subarray(at)), whole, `split at ${at}`);
    }
    assert.deepEqual(read(...Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
  }
});

test('an event that is too long is reported before it is stored, in one line or in many', () => {
  const stream = new EventStream();
  const fault = stream.push(Buffer.alloc(MAX_EVENT_BYTES + 1, 'x'), assert.fail);
  assert.match(fault ?? '', /more than 1048576 bytes/);
  const lines = new EventStream();
  const line = Buffer.from(`data: ${'x'.repeat(1_000)}\n`);
  let pushed = 0;
  while (lines.push(line, assert.fail) === undefined) pushed += line.length;
  assert.ok(pushed <= MAX_EVENT_BYTES + line.length);
});

test('a long line that is received byte by byte is complete', () => {
  const text = 'a🐟'.repeat(1_000);
  assert.deepEqual(read(...Array.from(Buffer.from(`data: ${text}\n\n`), (byte) => Uint8Array.of(byte))), [text]);
});

test('comments have no limit in all', () => {
  const stream = new EventStream();
  const ping = Buffer.from(`: ${'x'.repeat(1_000)}\n`);
  for (let bytes = 0; bytes <= 2 * MAX_EVENT_BYTES; bytes += ping.length) {
    assert.equal(stream.push(ping, assert.fail), undefined);
  }
});
