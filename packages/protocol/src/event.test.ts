import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutText, TEXT_LENGTH_MAX } from './event.ts';

test('a long text is split into pieces that fit, never inside a character, and nothing is lost', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 * TEXT_LENGTH_MAX }), (shift, length) => {
      const text = 'x'.repeat(shift) + '🐟'.repeat(length / 2);
      const pieces = cutText({ type: 'text', text, tokens: [1, 2] });
      assert.equal(pieces.map((piece) => piece.text).join(''), text);
      assert.ok(pieces.every((piece) => piece.text.length <= TEXT_LENGTH_MAX && piece.text.isWellFormed()));
      assert.deepEqual(
        pieces.flatMap((piece) => piece.tokens),
        [1, 2],
      );
    }),
  );
});

test('the last piece of a long text has its tokens and log probabilities', () => {
  const logprobs = [{ token: 1, text: 'x', logprob: 0, top: [] }];
  const [first, last, ...more] = cutText({
    type: 'text',
    text: 'x'.repeat(TEXT_LENGTH_MAX + 1),
    tokens: [1],
    logprobs,
  });
  assert.deepEqual(first, { type: 'text', text: 'x'.repeat(TEXT_LENGTH_MAX), tokens: [] });
  assert.deepEqual([last, more], [{ type: 'text', text: 'x', tokens: [1], logprobs }, []]);
});
