import type { HealthReport } from '@shoal/protocol/qmesh';

/** A worker to choose among. */
export interface Candidate {
  readonly health: HealthReport;
  /** Requests of ours that it got after it told this health: its queue holds them too. */
  readonly askedSince: number;
}

/** What the queue's share of the score is, in points: the other 80 are the processor's and the memory's. */
const QUEUE_POINTS = 20;

/**
 * Who is asked first: the highest score, then the emptiest queue; who takes no requests comes last. A score is some
 * seconds old, so what was asked since is taken off it, by the formula's own weight. `random` (0 to 1) settles what is
 * still equal.
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

/** Smaller is better, the first difference decides. */
function rankOf({ health, askedSince }: Candidate, draw: number): readonly number[] {
  const capacity = Math.max(1, health.queueCapacity);
  const size = health.queueSize + askedSince;
  const accepts = health.canAcceptRequests && size < capacity;
  const score = health.score - (QUEUE_POINTS * Math.min(askedSince, capacity)) / capacity;
  return [accepts ? 0 : 1, -score, size / capacity, draw];
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
