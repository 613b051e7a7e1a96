import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchCapacity, type Lender } from './capacity.ts';

/** A worker with four slots that lends two models. */
function lender(unavailable?: readonly string[]): Lender {
  const status = { health: 100, active: 0, queued: 0, slots: 4, unavailable };
  return { info: { dialect: 'shoal', name: 'a', lends: true, models: [{ id: 'tiny' }, { id: 'large' }], status } };
}

test('a worker whose model cannot answer now adds no slots for it', () => {
  const peers = [lender(), lender(['tiny'])];
  const capacity = new BatchCapacity({ peers: () => peers, concurrency: 100, workerTimeoutMs: 1, now: () => 0 });
  assert.equal(capacity.limit('tiny'), 4);
  assert.equal(capacity.limit('large'), 8);
});
