import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printableName, printableText } from './printable.ts';

test('control characters are removed from a text, except newlines and tabs', () => {
  assert.equal(printableText('a\u001b[31mred\u0007\r\n\tb\u009b0m\u007f'), 'a[31mred\n\tb0m');
  assert.equal(printableText('Grüße, 世界 👋'), 'Grüße, 世界 👋');
});

test('a name cannot break a line or change its direction', () => {
  assert.equal(printableName('Node\nA\u202e\u2028B'), 'Node AB');
});

test('characters that change the writing direction or separate lines are removed from a text too', () => {
  const directions = ['\u061c', '\u200e', '\u200f', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e'];
  const isolates = ['\u2066', '\u2067', '\u2068', '\u2069'];
  const separators = ['\u2028', '\u2029'];
  assert.equal(printableText(['a', ...directions, ...isolates, ...separators, 'b'].join('')), 'ab');
});

test('the joiners of emoji and scripts stay', () => {
  const texts = ['\u{1f469}\u200d\u{1f680}', '\u2764\ufe0f', '\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645'];
  assert.deepEqual(texts.map(printableName), texts);
});
