import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressLine } from './progress.ts';

test('a line of progress says what is done, what failed, how fast and how much longer', () => {
  assert.equal(progressLine({ answered: 118, failed: 2 }, 1_000, 48.32), '120/1000 lines, 2 failed, 48.3/s, 19 s left');
  assert.equal(progressLine({ answered: 1, failed: 0 }, 1_000, 0.25), '1/1000 lines, 0.25/s, 1 h 6 min left');
});

test('without a worker the wait for one stands in place of a rate', () => {
  const waiting = { seconds: 12.3, patienceSeconds: 30, wasThere: false };
  assert.equal(
    progressLine({ answered: 0, failed: 3 }, 10, waiting),
    '3/10 lines, 3 failed, no worker yet (waiting 12 of 30 s)',
  );
  const gone = { seconds: 31, patienceSeconds: 30, wasThere: true };
  assert.equal(progressLine({ answered: 1, failed: 0 }, 2, gone), '1/2 lines, no worker any more (waiting 30 of 30 s)');
});

test('before the first answer there is no rate to tell', () => {
  assert.equal(progressLine({ answered: 0, failed: 0 }, 10, 0), '0/10 lines');
});
