import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HealthReport } from '@shoal/protocol/qmesh';
import { type Candidate, rankQmeshWorkers } from './select.ts';

interface Named extends Candidate {
  readonly name: string;
}

function candidate(name: string, health: Partial<HealthReport> = {}, sentSince = 0): Named {
  const idle = { score: 80, cpu: 10, memory: 20, queueSize: 0, queueCapacity: 10, canAcceptRequests: true };
  return { name, health: { state: 'healthy', ...idle, ...health }, sentSince };
}

function ranked(...workers: readonly Named[]): string {
  return rankQmeshWorkers(workers, () => 0.5)
    .map(({ name }) => name)
    .join(' ');
}

test('the highest score is first', () => {
  assert.equal(ranked(candidate('a', { score: 60 }), candidate('b', { score: 90 }), candidate('c')), 'b c a');
});

test('of equal scores the emptiest queue is first, by its share and not its length', () => {
  const long = candidate('long', { queueSize: 4, queueCapacity: 100 });
  const short = candidate('short', { queueSize: 2, queueCapacity: 10 });
  assert.equal(ranked(short, long), 'long short');
});

test('a worker that accepts no requests is last, at any score', () => {
  const closed = candidate('closed', { score: 95, canAcceptRequests: false });
  assert.equal(ranked(closed, candidate('open', { score: 25 })), 'open closed');
});

test('requests sent to a worker since its last health report count as part of the report', () => {
  // One of ten places is a tenth of the queue’s 20 points.
  assert.equal(ranked(candidate('a', { score: 81 }, 1), candidate('b')), 'b a');
  assert.equal(ranked(candidate('a', { score: 83 }, 1), candidate('b')), 'a b');
  assert.equal(ranked(candidate('full', { score: 100 }, 10), candidate('b', { score: 30 })), 'b full');
});

test('ties are broken at random', () => {
  const draws = [0.9, 0.1];
  const [first] = rankQmeshWorkers([candidate('a'), candidate('b')], () => draws.shift() ?? 0);
  assert.equal(first?.name, 'b');
});
