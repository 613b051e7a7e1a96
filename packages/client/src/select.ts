import { type InferenceRequest, isNamed, type ModelInfo, type PeerInfo } from '@shoal/protocol';
import type { Peer } from './peer.ts';

/** The model of these that a request means: by id, by digest, or the first where it names none. */
export function matchModel(models: readonly ModelInfo[], wanted: string | undefined): ModelInfo | undefined {
  if (wanted === undefined) return models[0];
  return models.find((model) => isNamed(model, wanted));
}

/**
 * Who is asked first: of the peers that lend the model, those with a free slot before those without, then the least
 * loaded (running and waiting requests a slot), then the healthiest, then the fastest. `random` (0 to 1) settles what is
 * still equal, so that clients that know the same peers do not all choose the same one.
 */
export function rankWorkers(peers: readonly Peer[], request: InferenceRequest, random: () => number): readonly Peer[] {
  return peers
    .filter(({ info }) => info.lends === true && matchModel(info.models, request.model) !== undefined)
    .map((peer) => ({ peer, rank: rankOf(peer, random()) }))
    .toSorted((left, right) => compare(left.rank, right.rank))
    .map(({ peer }) => peer);
}

/** How many requests a worker runs at once, as far as it says. */
export function slotsOf({ status, capacity }: PeerInfo): number {
  return Math.max(1, status?.slots ?? capacity?.slots ?? 1);
}

/** Smaller is better, the first difference decides. */
function rankOf({ info, link, othersLoad = 0 }: Peer, draw: number): readonly number[] {
  const { status } = info;
  const load = (othersLoad + link.openAnswers) / slotsOf(info);
  // Tens are told apart, no finer: a health that flickers must not send everybody to the same worker.
  const health = Math.round((status?.health ?? 0) / 10);
  return [load < 1 ? 0 : 1, load, -health, -Math.round((status?.tokensPerSecond ?? 0) / 10), draw];
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
