import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeServerId, encodeServerId, SERVER_ID_BYTES } from './server-id.ts';

const topics = fc.uint8Array({ minLength: SERVER_ID_BYTES, maxLength: SERVER_ID_BYTES });

test('a Server ID with blanks around it decodes to its topic', () => {
  fc.assert(
    fc.property(topics, (topic) => {
      const id = encodeServerId(topic);
      assert.match(id, /^[1-9A-HJ-NP-Za-km-z]{32,44}$/);
      assert.deepEqual(decodeServerId(` \t${id}\r\n`), topic);
    }),
  );
});

test('all zeros give the shortest Server ID, and all ones give the longest', () => {
  const zeros = new Uint8Array(SERVER_ID_BYTES);
  const ones = new Uint8Array(SERVER_ID_BYTES).fill(255);
  assert.equal(encodeServerId(zeros), '1'.repeat(32));
  assert.equal(encodeServerId(ones), 'JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG');
  assert.deepEqual([decodeServerId('1'.repeat(32)), decodeServerId(encodeServerId(ones))], [zeros, ones]);
});

test('two texts never decode to one topic', () => {
  fc.assert(
    fc.property(topics, fc.nat(43), fc.nat(57), (topic, place, digit) => {
      const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
      const id = encodeServerId(topic);
      const other = id.slice(0, place) + alphabet.charAt(digit) + id.slice(place + 1);
      if (other === id) return;
      try {
        assert.notDeepEqual(decodeServerId(other), topic);
      } catch (error) {
        assert.equal(error instanceof Error && 'code' in error && error.code, 'INVALID_SERVER_ID');
      }
    }),
  );
});

test('an invalid Server ID is refused with the reason', () => {
  const id = encodeServerId(new Uint8Array(SERVER_ID_BYTES).fill(7));
  const faults: [string, RegExp][] = [
    ['', /is missing/],
    ['  \n', /is missing/],
    [id.slice(0, 20), /at least 32 characters, and this has 20/],
    [`${id}${id}`, /at most 44 characters/],
    [`0${id.slice(1)}`, /without 0, O, I and l; this has "0"/],
    [`${id.slice(0, 10)} ${id.slice(10)}`, /another character/],
    [`host:${id.slice(5)}`, /this has ":"/],
    ['z'.repeat(44), /32 bytes, and this for 33/],
    ['z'.repeat(32), /32 bytes, and this for 24/],
    ['\u001b[31m'.padEnd(40, '1'), /another character/],
  ];
  for (const [text, message] of faults) {
    assert.throws(() => decodeServerId(text), { code: 'INVALID_SERVER_ID', message });
  }
  assert.throws(() => encodeServerId(new Uint8Array(31)), { code: 'INVALID_SERVER_ID' });
});
