import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimits } from './rate-limit.ts';

function open(): { limits: RateLimits; clock: { now: number } } {
  const clock = { now: 12_345.678 };
  return { limits: new RateLimits(() => clock.now), clock };
}

test('a full bucket allows a minute’s requests at once, and then one for each interval', () => {
  const { limits, clock } = open();
  for (let request = 0; request < 6; request++) assert.equal(limits.take('a', 6), undefined);
  assert.equal(limits.take('a', 6), 10_000);
  clock.now += 4_000;
  assert.equal(limits.take('a', 6), 6_000);
  clock.now += 6_000;
  assert.equal(limits.take('a', 6), undefined);
  assert.equal(limits.take('a', 6), 10_000);
});

test('a request after the returned wait is accepted, at every rate', () => {
  for (const perMinute of [1, 7, 60, 333, 10_000, 1_000_000]) {
    const { limits, clock } = open();
    const untilRefused = (): number => limits.take('a', perMinute) ?? untilRefused();
    for (let request = 0; request < perMinute - 1; request++) assert.equal(limits.take('a', perMinute), undefined);
    for (let round = 0; round < 100; round++) {
      clock.now += untilRefused();
      assert.equal(limits.take('a', perMinute), undefined, `${perMinute} per minute`);
    }
  }
});

test('a refused request costs nothing, and an unused bucket is not more than full', () => {
  const { limits, clock } = open();
  for (let request = 0; request < 2; request++) assert.equal(limits.take('a', 2), undefined);
  for (let request = 0; request < 100; request++) assert.equal(limits.take('a', 2), 30_000);
  clock.now += 3_600_000;
  for (let request = 0; request < 2; request++) assert.equal(limits.take('a', 2), undefined);
  assert.equal(limits.take('a', 2), 30_000);
});

test('each token has its own bucket, and the bucket that was not used for longest is forgotten first', () => {
  const { limits } = open();
  assert.equal(limits.take('busy', 1), undefined);
  for (let other = 0; other < 1_000; other++) assert.equal(limits.take(`other-${other}`, 1), undefined);
  assert.equal(limits.take('busy', 1), 60_000);
  for (let other = 1_000; other < 5_000; other++) assert.equal(limits.take(`other-${other}`, 1), undefined);
  assert.equal(limits.take('busy', 1), undefined);
});
