import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { TokenText } from './token-text.ts';

const texts = fc.string({ unit: fc.constantFrom('a', ' ', 'ß', '√', '🐟'), maxLength: 30 });

suite('text from tokens', () => {
  test('never ends inside a character, however the bytes are cut into tokens', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (text, sizes) => {
        const vocabulary = cut(Buffer.from(text), sizes);
        const stream = new TokenText(piecesOf(vocabulary));
        let given = '';
        for (const token of vocabulary.keys()) {
          given += stream.push(token)?.text ?? '';
          assert.ok(text.startsWith(given));
        }
        assert.equal(stream.end(), undefined);
        assert.equal(given, text);
      }),
    );
  });

  test('comes with the ids of its tokens', () => {
    const fish = Buffer.from('🐟');
    const stream = new TokenText(piecesOf([fish.subarray(0, 1), fish.subarray(1, 3), fish.subarray(3)]));
    assert.equal(stream.push(0), undefined);
    assert.equal(stream.push(1), undefined);
    assert.deepEqual(stream.push(2), { text: '🐟', tokens: [0, 1, 2] });
  });

  test('omits an incomplete last character, but not its ids', () => {
    const bytes = Buffer.from('so 🐟');
    const stream = new TokenText(piecesOf([bytes.subarray(0, 5)]));
    assert.equal(stream.push(0), undefined);
    assert.deepEqual(stream.end(), { text: 'so ', tokens: [0] });
    assert.equal(stream.end(), undefined);
  });

  test('does not wait forever for bytes that never become characters', () => {
    const stream = new TokenText(piecesOf([Buffer.of(0xff)]));
    let pushed = 1;
    while (stream.push(0) === undefined) pushed++;
    assert.ok(pushed <= 64);
  });
});

function piecesOf(vocabulary: readonly Uint8Array[]) {
  return (token: number) => vocabulary[token] ?? new Uint8Array();
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = sizes[pieces.length % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
