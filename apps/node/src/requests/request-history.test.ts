import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestHistory } from './request-history.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NONE = { answered: 0, failed: 0, aborted: 0, refused: 0, tokens: 0 };

test('requests of peers and programs are counted apart, by their ends', () => {
  const history = new RequestHistory(() => 0);
  history.add({ from: 'peer', outcome: 'answered', tokens: 7 });
  history.add({ from: 'peer', outcome: 'aborted', tokens: 2 });
  history.add({ from: 'program', outcome: 'refused', tokens: 0 });
  const { lastHour, lastDay } = history.periods;
  assert.deepEqual(lastHour.peers, { ...NONE, answered: 1, aborted: 1, tokens: 9 });
  assert.deepEqual(lastHour.programs, { ...NONE, refused: 1 });
  assert.deepEqual(lastDay, lastHour);
});

test('a request leaves the last hour after an hour, and the last day after a day', () => {
  let now = 0;
  const history = new RequestHistory(() => now);
  const answered = (): number[] => {
    const { lastHour, lastDay } = history.periods;
    return [lastHour.peers.answered, lastDay.peers.answered];
  };
  history.add({ from: 'peer', outcome: 'answered', tokens: 1 });
  now = HOUR_MS - 1;
  history.add({ from: 'peer', outcome: 'answered', tokens: 1 });
  assert.deepEqual(answered(), [2, 2]);
  now = HOUR_MS;
  assert.deepEqual(answered(), [1, 2]);
  now = 24 * HOUR_MS;
  assert.deepEqual(answered(), [0, 1]);
  history.add({ from: 'peer', outcome: 'answered', tokens: 1 });
  assert.deepEqual(answered(), [1, 2]);
});
