import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type Piece, StopFilter } from './stop-filter.ts';

/** Strings of few letters, so that whole and partial stop strings are frequent. */
const shortStrings = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'b', 'ä', '🐟'), maxLength });
const answers = fc.array(shortStrings(4), { maxLength: 20 });
const stopLists = fc.array(shortStrings(5), { maxLength: 3 });

suite('the stop filter', () => {
  test('an answer ends before the first stop string, however it is split into pieces', () => {
    fc.assert(
      fc.property(answers, stopLists, (texts, stops) => {
        const { text, stopped } = run(texts, stops);
        const ends = stops.filter((stop) => stop !== '').map((stop) => texts.join('').indexOf(stop));
        const found = ends.filter((end) => end !== -1);
        assert.equal(stopped, found.length > 0);
        assert.equal(text, texts.join('').slice(0, stopped ? Math.min(...found) : undefined));
      }),
    );
  });

  test('a stop string that completes while an earlier one may still complete waits for it', () => {
    const filter = new StopFilter(['baaa', 'a']);
    assert.equal(filter.push({ text: 'baa', tokens: [1] }), undefined);
    assert.equal(filter.stopped, false);
    assert.equal(filter.push({ text: 'a', tokens: [2] }), undefined);
    assert.equal(filter.stopped, true);
    assert.deepEqual(run(['baa'], ['baaa', 'a']).text, 'b');
  });

  test('the emitted tokens always decode to the emitted text', () => {
    fc.assert(
      fc.property(answers, stopLists, (texts, stops) => {
        for (const { text, tokens, isLast } of run(texts, stops).emitted) {
          const decoded = texts.slice(0, tokens).join('');
          if (!isLast) assert.equal(decoded, text);
          else assert.ok(text.startsWith(decoded));
        }
      }),
    );
  });

  test('without stop strings every piece is emitted at once', () => {
    const filter = new StopFilter([]);
    const piece = { text: 'a', tokens: [1] };
    assert.deepEqual(filter.push(piece), piece);
    assert.equal(filter.end(), undefined);
  });

  test('a token without text is emitted with the next text', () => {
    const filter = new StopFilter([]);
    assert.equal(filter.push({ text: '', tokens: [1] }), undefined);
    assert.deepEqual(filter.push({ text: 'a', tokens: [2] }), { text: 'a', tokens: [1, 2] });
  });

  test('a token without text is emitted at the end if no text follows', () => {
    const filter = new StopFilter([]);
    assert.equal(filter.push({ text: '', tokens: [1] }), undefined);
    assert.deepEqual(filter.end(), { text: '', tokens: [1] });
    assert.equal(filter.end(), undefined);
  });

  test('a partial stop string is held until the next text shows that it is not one', () => {
    const filter = new StopFilter(['<end>']);
    assert.equal(filter.push({ text: '<en', tokens: [1] }), undefined);
    assert.deepEqual(filter.push({ text: 'ough', tokens: [2] }), { text: '<enough', tokens: [1, 2] });
    assert.equal(filter.push({ text: '!<e', tokens: [3] }), undefined);
    assert.deepEqual(filter.end(), { text: '!<e', tokens: [3] });
  });
});

/** Filters texts, each with its index as its token. `emitted` is the total output after each step. */
function run(texts: readonly string[], stops: readonly string[]) {
  const filter = new StopFilter(stops);
  const emitted: { text: string; tokens: number; isLast: boolean }[] = [];
  let text = '';
  let tokens = 0;
  const add = (piece: Piece | undefined, isEnd = false) => {
    if (piece === undefined) return;
    assert.ok(piece.text !== '' || isEnd);
    text += piece.text;
    for (const token of piece.tokens) assert.equal(token, tokens++);
    emitted.push({ text, tokens, isLast: filter.stopped });
  };
  for (const [index, piece] of texts.entries()) {
    add(filter.push({ text: piece, tokens: [index] }));
    if (filter.stopped) break;
  }
  if (!filter.stopped) add(filter.end(), true);
  return { text, emitted, stopped: filter.stopped };
}
