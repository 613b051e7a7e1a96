import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printableName, printableText } from './printable.ts';

test('control sequences in a text do not work, while its lines and tabs stay', () => {
  assert.equal(printableText('a\u001b[31mred\u0007\r\n\tb\u009b0m\u007f'), 'a[31mred\n\tb0m');
  assert.equal(printableText('Grüße, 世界 👋'), 'Grüße, 世界 👋');
});

test('a name stays within its line and its direction', () => {
  assert.equal(printableName('Node\nA\u202e\u2028B'), 'Node A  B');
});
