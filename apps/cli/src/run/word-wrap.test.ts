import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WordWrap } from './word-wrap.ts';

/** Returns the text that a terminal shows after these pieces, with cursor moves and clearing applied. */
function shown(columns: number, ...pieces: readonly string[]): string {
  const wrap = new WordWrap(() => columns);
  const written = pieces.map((piece) => wrap.wrap(piece)).join('');
  const [first = '', ...moved] = written.split('\u001b[').filter((part) => part !== 'K');
  return moved.reduce((text, part) => {
    const [, back = '0', rest = part.slice(1)] = /^(\d+)D(.*)$/s.exec(part) ?? [];
    return `${text.slice(0, text.length - Number(back))}${rest}`;
  }, first);
}

test('a word that does not fit is moved to the next line, also across pieces', () => {
  const text = 'one two three four five six';
  const lines = 'one two \nthree four \nfive six';
  assert.equal(shown(17, text), lines);
  assert.equal(shown(17, ...text.split('')), lines);
});

test('a word that is longer than a line is cut', () => {
  assert.equal(shown(15, 'abcdefghijklmnopqrstuvwxy z'), 'abcdefghij\nklmnopqrst\nuvwxy z');
});

test('line breaks of the text are kept', () => {
  assert.equal(shown(15, 'abc\nabcdefghi k\n\nx'), 'abc\nabcdefghi \nk\n\nx');
});

test('wide letters have two columns, and marks have none', () => {
  assert.equal(shown(15, '一二三四五六'), '一二三四五\n六');
  assert.equal(shown(15, 'e\u0301'.repeat(10)), 'e\u0301'.repeat(10));
});

test('text is not wrapped on a terminal of unknown width or a very narrow one', () => {
  const text = 'word '.repeat(40);
  assert.equal(shown(0, text), text);
  assert.equal(shown(9, text), text);
});
