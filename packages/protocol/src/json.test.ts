import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ShoalError } from './error.ts';
import { encodeObject, MAX_JSON_DEPTH, MAX_JSON_ITEMS, parseObject, parseStrictObject } from './json.ts';

const isBadMessage = (error: unknown): boolean => error instanceof ShoalError && error.code === 'BAD_MESSAGE';

test('anything but a JSON object is a bad message', () => {
  for (const text of ['', '{', '[]', 'null', '1', '"{}"', '{"a":}', '{} {}', '\u0000']) {
    assert.throws(() => parseObject(Buffer.from(text)), isBadMessage);
  }
});

test('objects may nest up to the limit and no deeper', () => {
  const nested = (depth: number): Buffer => Buffer.from(`${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`);
  parseObject(nested(MAX_JSON_DEPTH));
  assert.throws(() => parseObject(nested(MAX_JSON_DEPTH + 1)), isBadMessage);
  assert.throws(() => parseObject(Buffer.from('['.repeat(1_000_000))), isBadMessage);
});

test('brackets inside strings do not count as nesting', () => {
  const message = { text: '[{'.repeat(100), quote: '\\"[[['.repeat(20) };
  assert.deepEqual(parseObject(encodeObject(message)), message);
});

test('a message may have as many items as the limit and no more', () => {
  const message = (items: number): Buffer => Buffer.from(`{"a":[${Array(items).fill('0').join()}]}`);
  // The object, the array, and a comma before each element but the first.
  parseObject(message(MAX_JSON_ITEMS - 1));
  assert.throws(() => parseObject(message(MAX_JSON_ITEMS)), isBadMessage);
  assert.deepEqual(parseObject(Buffer.from(JSON.stringify({ a: ','.repeat(MAX_JSON_ITEMS) }))), {
    a: ','.repeat(MAX_JSON_ITEMS),
  });
});

test('a string of escapes is read in linear time', () => {
  const text = '\\"'.repeat(500_000);
  assert.deepEqual(parseObject(encodeObject({ text })), { text });
  assert.throws(() => parseObject(Buffer.from(`{"a":"${'\\"'.repeat(500_000)}`)), isBadMessage);
});

test('a __proto__ key changes no prototype', () => {
  const message = parseObject(Buffer.from('{"__proto__":{"polluted":true},"a":1}'));
  assert.equal(Reflect.get({}, 'polluted'), undefined);
  assert.equal(Object.getPrototypeOf(message), Object.prototype);
});

test('every object survives encoding and parsing', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (message) => {
      const text = JSON.stringify(message);
      assert.equal(JSON.stringify(parseObject(encodeObject(message))), text);
    }),
  );
});

test('a key that is there twice is refused by the strict parser, wherever and however it is written', () => {
  for (const text of ['{"a":1,"a":2}', '{"a":[{"b":1},{"c":1,"c":1}]}', '{"a":1,"\\u0061":2}', '{"":1,"":2}']) {
    assert.throws(() => parseStrictObject(text), isBadMessage, text);
  }
  for (const text of ['{"a":{"a":1},"b":{"a":["a","a"]}}', '{"a":"a","b":"a"}', '{"a\\"":1,"a":[[],{}]}', '{}']) {
    assert.deepEqual(parseStrictObject(text), JSON.parse(text));
  }
});

test('the strict parser reads what the other one reads', () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 }));
  fc.assert(
    fc.property(object, (value) => {
      assert.deepEqual(parseStrictObject(JSON.stringify(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});
