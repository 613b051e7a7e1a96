import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { cutLongRuns } from './long-runs.ts';

const LONG = 'a'.repeat(2_500);

suite('cutting long runs', () => {
  test('keeps the whole text', () => {
    for (const text of [LONG, `one ${LONG} two`, ' '.repeat(2_000), '中'.repeat(1_000), '🐟'.repeat(1_500)]) {
      const pieces = cutLongRuns(text);
      assert.equal(pieces.join(''), text);
      assert.ok(pieces.every((piece) => !/\S{1001}|\s{1001}/u.test(piece)));
    }
  });

  test('leaves other texts whole', () => {
    for (const text of ['', 'word '.repeat(5_000), 'a'.repeat(999)]) assert.deepEqual(cutLongRuns(text), [text]);
  });

  test('cuts no control token', () => {
    for (let length = 980; length < 1_001; length++) {
      const pieces = cutLongRuns(`${'a'.repeat(length)}<|im_end|>${LONG}`);
      assert.equal(pieces.filter((piece) => piece.includes('<|im_end|>')).length, 1);
    }
  });
});
