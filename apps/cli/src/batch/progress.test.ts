import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressLine } from './progress.ts';

test('a line of progress has the lines done and failed, the rate and the time left', () => {
  assert.equal(progressLine({ answered: 118, failed: 2 }, 1_000, 48.32), '120/1000 lines, 2 failed, 48.3/s, 19 s left');
  assert.equal(progressLine({ answered: 1, failed: 0 }, 1_000, 0.25), '1/1000 lines, 0.25/s, 1 h 6 min left');
});

test('without a worker the line has the waiting time instead of a rate', () => {
  const waiting = { seconds: 12.3, timeoutSeconds: 30, wasPresent: false };
  assert.equal(
    progressLine({ answered: 0, failed: 3 }, 10, waiting),
    '3/10 lines, 3 failed, no worker yet (waiting 12 of 30 s)',
  );
  const gone = { seconds: 31, timeoutSeconds: 30, wasPresent: true };
  assert.equal(progressLine({ answered: 1, failed: 0 }, 2, gone), '1/2 lines, no worker any more (waiting 30 of 30 s)');
});

test('before the first answer there is no rate', () => {
  assert.equal(progressLine({ answered: 0, failed: 0 }, 10, 0), '0/10 lines');
});
