import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { healthParts, healthScore, memoryUse, processorUse, queueAvailability } from './health.ts';

const IDLE = { cpuPercent: 0, memoryPercent: 0, queueSize: 0, queueCapacity: 10 };

test('an idle worker scores 100, a fully loaded one 0', () => {
  assert.deepEqual(healthScore(IDLE), { score: 100, state: 'healthy' });
  const spent = { cpuPercent: 100, memoryPercent: 100, queueSize: 10, queueCapacity: 10 };
  assert.deepEqual(healthScore(spent), { score: 0, state: 'overloaded' });
});

test('processor and memory weigh 0.4 each, the queue 0.2', () => {
  assert.equal(healthScore({ ...IDLE, cpuPercent: 100 }).score, 60);
  assert.equal(healthScore({ ...IDLE, memoryPercent: 100 }).score, 60);
  assert.equal(healthScore({ ...IDLE, queueSize: 10 }).score, 80);
  assert.equal(healthScore({ ...IDLE, cpuPercent: 37.5, memoryPercent: 50, queueSize: 3 }).score, 59);
});

test('scores from 20 to 60 are busy; above is healthy, below is overloaded', () => {
  const states = [60.5, 60, 20, 19.5].map((score) => {
    const used = 100 - score;
    return healthScore({ cpuPercent: used, memoryPercent: used, queueSize: used, queueCapacity: 100 }).state;
  });
  assert.deepEqual(states, ['healthy', 'busy', 'busy', 'overloaded']);
});

test('the state comes from the unrounded score', () => {
  const { score, state } = healthScore({ ...IDLE, cpuPercent: 99 });
  assert.equal(score, 60.4);
  assert.equal(state, 'healthy');
});

test('queue availability is the free share, and never below 0', () => {
  assert.equal(queueAvailability(0, 10), 100);
  assert.equal(queueAvailability(1, 10), 90);
  assert.equal(queueAvailability(10, 10), 0);
  assert.equal(queueAvailability(11, 10), 0);
  assert.equal(queueAvailability(0, 0), 0);
});

const anyPercent = fc.double({ min: 0, max: 100, noNaN: true });

test('every load scores between 0 and 100, and more load never scores higher', () => {
  const load = fc.record({
    cpuPercent: anyPercent,
    memoryPercent: anyPercent,
    queueSize: fc.nat(1_000),
    queueCapacity: fc.nat(1_000),
  });
  fc.assert(
    fc.property(load, load, (one, other) => {
      const { score } = healthScore(one);
      assert.ok(score >= 0 && score <= 100, `${score}`);

      const heavier = {
        cpuPercent: Math.max(one.cpuPercent, other.cpuPercent),
        memoryPercent: Math.max(one.memoryPercent, other.memoryPercent),
        queueSize: Math.max(one.queueSize, other.queueSize),
        queueCapacity: one.queueCapacity,
      };
      assert.ok(healthScore(heavier).score <= score);
    }),
  );
});

test('processor use is measured between two readings, not since boot', () => {
  const readings = [
    { idle: 90_000, total: 100_000 },
    { idle: 90_025, total: 100_100 },
    { idle: 90_125, total: 100_200 },
  ];
  const use = processorUse(() => readings.shift() ?? { idle: 0, total: 0 });
  assert.equal(use(), 75);
  assert.equal(use(), 0);
});

test('without time between two readings the previous use is returned', () => {
  const readings = [
    { idle: 10, total: 20 },
    { idle: 10, total: 20 },
    { idle: 15, total: 30 },
    { idle: 15, total: 30 },
  ];
  const use = processorUse(() => readings.shift() ?? { idle: 0, total: 0 });
  assert.equal(use(), undefined);
  assert.equal(use(), 50);
  assert.equal(use(), 50);
});

test('this machine is busy while this test keeps a core busy', () => {
  const use = processorUse();
  let percent = use();
  while (percent === undefined || percent === 0) percent = use();
  assert.ok(percent > 0 && percent <= 100, `${percent} %`);
});

test('memory use is the share that is not available', () => {
  assert.equal(memoryUse(6, 8), 25);
  const here = memoryUse();
  assert.ok(here > 0 && here < 100, `${here} %`);
});

test('the parts of a score add up to it', () => {
  for (const [cpuPercent, memoryPercent, queueSize] of [
    [0, 0, 0],
    [100, 100, 4],
    [25, 70, 1],
    [120, -5, 9],
  ] as const) {
    const inputs = { cpuPercent, memoryPercent, queueSize, queueCapacity: 4 };
    const sum = healthParts(inputs).reduce((points, part) => points + part.points, 0);
    assert.ok(Math.abs(sum - healthScore(inputs).score) < 1e-9);
  }
});
