import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchClient } from '@shoal/client/batch';
import { Absence } from './absence.ts';

test('the time without a worker is counted from the start, and anew each time the last one leaves', () => {
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
  const absence = new Absence(client, () => now);
  const become = (state: boolean | undefined, at: number): void => {
    lends = state;
    now = at;
    changed();
  };
  become(false, 4_000);
  assert.deepEqual([absence.seconds, absence.wasThere], [4, false]);
  become(true, 5_000);
  assert.deepEqual([absence.seconds, absence.wasThere], [undefined, true]);
  become(undefined, 9_000);
  now = 11_500;
  assert.deepEqual([absence.seconds, absence.wasThere], [2.5, true]);
  absence.end();
});
