import assert from 'node:assert/strict';
import { test } from 'node:test';
import { threadCandidates } from './threads.ts';

test('all cores but one are tried first, and no count twice', () => {
  assert.deepEqual(threadCandidates(1), [1]);
  assert.deepEqual(threadCandidates(2), [1, 2]);
  assert.deepEqual(threadCandidates(4), [3, 2, 4, 1]);
  assert.deepEqual(threadCandidates(16), [15, 8, 16, 4]);
});
