import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printableName, printableText } from './printable.ts';

test('control characters are removed from a text, except newlines and tabs', () => {
  assert.equal(printableText('a\u001b[31mred\u0007\r\n\tb\u009b0m\u007f'), 'a[31mred\n\tb0m');
  assert.equal(printableText('Grüße, 世界 👋'), 'Grüße, 世界 👋');
});

test('a name cannot break a line or change its direction', () => {
  assert.equal(printableName('Node\nA\u202e\u2028B'), 'Node A  B');
});
