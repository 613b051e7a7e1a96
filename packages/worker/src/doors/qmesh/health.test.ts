import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HealthGauge } from './health.ts';

test('it opens after two readings of the processor times', async () => {
  const readings = [undefined, 40];
  const queue = () => ({ size: 0, capacity: 10 });
  const gauge = await HealthGauge.open(queue, { use: { processor: () => readings.shift(), memory: () => 50 } });
  assert.deepEqual(readings, []);
  assert.equal(gauge.report.cpu, 40);
});

test('reported numbers are rounded, and the state is derived from the unrounded score', async () => {
  const { gauge } = await gaugeAt(99.6, 0);
  // (0.4 × 0.4 + 100 × 0.4 + 100 × 0.2) is 60.16.
  assert.deepEqual(gauge.report, {
    score: 60,
    state: 'healthy',
    cpu: 100,
    memory: 0,
    queueSize: 0,
    queueCapacity: 10,
    canAcceptRequests: true,
  });
});

test('it accepts requests at 20, and refuses them below', async () => {
  // Half of the queue is 10 points. The machine must contribute the rest.
  const states = [];
  for (const use of [87.5, 87.6]) {
    const { gauge } = await gaugeAt(use, use, 5);
    states.push([gauge.report.score, gauge.report.state, gauge.acceptsRequests]);
  }
  assert.deepEqual(states, [
    [20, 'busy', true],
    [20, 'overloaded', false],
  ]);
});

test('the current queue counts, and the last sample of the machine', async () => {
  const { gauge, machine, queue } = await gaugeAt(10, 20);
  machine.cpu = 90;
  queue.size = 10;
  assert.equal(gauge.report.cpu, 10);
  assert.deepEqual([gauge.report.queueSize, gauge.report.score, gauge.acceptsRequests], [10, 68, false]);
  assert.equal(gauge.sample(), true);
  assert.equal(gauge.report.cpu, 90);
});

test('it accepts no requests while no model can answer', async () => {
  let canAnswer = true;
  const use = { processor: () => 0, memory: () => 0 };
  const gauge = await HealthGauge.open(() => ({ size: 0, capacity: 10 }), { use, canAnswer: () => canAnswer });
  assert.equal(gauge.report.canAcceptRequests, true);
  canAnswer = false;
  assert.equal(gauge.report.canAcceptRequests, false);
});

async function gaugeAt(cpu: number, memory: number, size = 0) {
  const machine = { cpu, memory };
  const queue = { size, capacity: 10 };
  const use = { processor: () => machine.cpu, memory: () => machine.memory };
  return { gauge: await HealthGauge.open(() => queue, { use }), machine, queue };
}
