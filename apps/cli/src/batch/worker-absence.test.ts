import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchClient } from '@shoal/client/batch';
import { WorkerAbsence } from './worker-absence.ts';

test('the time without a worker is measured from the start, and again whenever the last worker leaves', () => {
  let now = 0;
  let lends: boolean | undefined;
  let changed = (): void => undefined;
  const client: BatchClient = {
    peers: () => (lends === undefined ? [] : [{ info: { dialect: 'shoal', name: '', models: [], lends } }]),
    onChange(listener) {
      changed = listener;
      return () => (changed = (): void => undefined);
    },
    async *generate() {},
  };
  const absence = new WorkerAbsence(client, () => now);
  const become = (state: boolean | undefined, at: number): void => {
    lends = state;
    now = at;
    changed();
  };
  become(false, 4_000);
  assert.deepEqual([absence.seconds, absence.wasPresent], [4, false]);
  become(true, 5_000);
  assert.deepEqual([absence.seconds, absence.wasPresent], [undefined, true]);
  become(undefined, 9_000);
  now = 11_500;
  assert.deepEqual([absence.seconds, absence.wasPresent], [2.5, true]);
  absence.close();
});
