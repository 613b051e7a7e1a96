import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GGUF_MAGIC_LENGTH, isGguf } from './gguf.ts';

test('a GGUF file is recognised by its first four bytes', () => {
  assert.equal(GGUF_MAGIC_LENGTH, 4);
  const beginnings = ['GGUF', 'GGUF and more', 'GGU', '', 'gguf', 'xGGUF'];
  const results = beginnings.map((text) => isGguf(new TextEncoder().encode(text)));
  assert.deepEqual(results, [true, true, false, false, false, false]);
});
