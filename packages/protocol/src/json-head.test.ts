import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readHead } from './json-head.ts';

test('the complete members of a cut object are read, and where they end', () => {
  for (const [head, members, rest] of [
    ['{"a":1,"b":[{"c":2},3],"d":"x', { a: 1, b: [{ c: 2 }, 3] }, '"d":"x'],
    [' {"a":"x', {}, '"a":"x'],
    ['{"a":"},{\\",","b":[1,2', { a: '},{",' }, '"b":[1,2'],
    ['{"a":1', {}, '"a":1'],
    ['   ', {}, ''],
    ['{', {}, ''],
  ] as const) {
    const bytes = Buffer.from(head);
    const { members: read, end } = readHead(bytes);
    assert.deepEqual([read, bytes.toString('utf8', end)], [members, rest]);
  }
  for (const head of ['{"a",', '[1,2', '{"a":,"b":1']) {
    assert.throws(() => readHead(Buffer.from(head)), { code: 'BAD_MESSAGE' });
  }
});

test('the head of any object, cut anywhere, has members of that object', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), fc.nat(200), (object, cut) => {
      const text = Buffer.from(JSON.stringify(object));
      const { members } = readHead(text.subarray(0, Math.min(cut, text.length - 1)));
      const whole: unknown = JSON.parse(String(text));
      assert.deepEqual({ ...Object(whole), ...members }, whole);
    }),
  );
});
