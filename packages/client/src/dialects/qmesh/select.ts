import type { HealthReport } from '@shoal/protocol/qmesh';

/** A worker that may be selected. */
export interface Candidate {
  readonly health: HealthReport;
  /** Our requests that it received after it sent this health. They are in its queue too. */
  readonly sentSince: number;
}

/** The queue's share of the score, in points. Processor and memory have the other 80. */
const QUEUE_POINTS = 20;

/**
 * Sorts workers, best first: by score, then by the free share of the queue. Workers that accept no requests come last. A score
 * is some seconds old, so requests that were sent since are subtracted from it with the formula's weight. `random` (0 to 1)
 * breaks ties.
 */
export function rankQmeshWorkers<Worker extends Candidate>(
  workers: readonly Worker[],
  random: () => number,
): readonly Worker[] {
  return workers
    .map((worker) => ({ worker, rank: rankOf(worker, random()) }))
    .toSorted((left, right) => compare(left.rank, right.rank))
    .map(({ worker }) => worker);
}

/** Returns sort keys. Smaller is better, and the first difference decides. */
function rankOf({ health, sentSince }: Candidate, draw: number): readonly number[] {
  const capacity = Math.max(1, health.queueCapacity);
  const size = health.queueSize + sentSince;
  const accepts = health.canAcceptRequests && size < capacity;
  const score = health.score - (QUEUE_POINTS * Math.min(sentSince, capacity)) / capacity;
  return [accepts ? 0 : 1, -score, size / capacity, draw];
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
