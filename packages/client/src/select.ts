import {
  type Ability,
  abilitiesNeeded,
  canAnswer,
  checkAbilities,
  isNamed,
  type ModelInfo,
  type PeerInfo,
} from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Peer } from '@shoal/network';

/** Abilities of every worker, including old ones that do not list their models' abilities. */
const BASIC_ABILITIES: ReadonlySet<Ability> = new Set<Ability>(['messages', 'prompt', 'tokens']);

/** Abilities that an old worker, which does not list its models' abilities, would ignore without an error. */
const IGNORED_BY_OLD_WORKERS: ReadonlySet<Ability> = new Set<Ability>(['tools', 'json', 'logprobs', 'count']);

/** Returns the model with this id or digest, or the first model if `wanted` is undefined. */
export function matchModel(models: readonly ModelInfo[], wanted: string | undefined): ModelInfo | undefined {
  if (wanted === undefined) return models[0];
  return models.find((model) => isNamed(model, wanted));
}

/**
 * Sorts the workers that lend the model and can answer, best first. If the request needs more than the basic abilities, workers
 * that list the abilities come first. Workers whose model cannot answer now come last. Then workers with a free slot, then the least loaded (requests per slot), the
 * healthiest, the fastest. `random` (0 to 1) breaks ties, so that clients that know the same peers spread their requests.
 */
export function rankWorkers(peers: readonly Peer[], request: InferenceRequest, random: () => number): readonly Peer[] {
  const isSpecial = abilitiesNeeded(request).some((ability) => !BASIC_ABILITIES.has(ability));
  return lendersOf(peers, request)
    .filter(({ model }) => mayAnswer(model, request))
    .map(({ peer, model }) => {
      const isUnsure = isSpecial && model.abilities === undefined;
      return { peer, rank: [isUnavailable(peer.info, model) ? 1 : 0, isUnsure ? 1 : 0, ...rankOf(peer, random())] };
    })
    .toSorted((left, right) => compare(left.rank, right.rank))
    .map(({ peer }) => peer);
}

/** Returns the error if peers lend the model but none of them has the needed abilities. Undefined otherwise. */
export function missingAbilityError(peers: readonly Peer[], request: InferenceRequest): ShoalError | undefined {
  const lenders = lendersOf(peers, request);
  const [first] = lenders;
  if (first === undefined || lenders.some(({ model }) => mayAnswer(model, request))) return undefined;
  const { model } = lenders.find((lender) => lender.model.abilities !== undefined) ?? first;
  if (model.abilities === undefined) return unlistedAbilityError(model, request);
  try {
    checkAbilities(model, request);
    return undefined;
  } catch (thrown) {
    return ShoalError.from(thrown);
  }
}

/** True if the worker says that this model cannot answer now. */
export function isUnavailable({ status }: PeerInfo, { id }: ModelInfo): boolean {
  return status?.unavailable?.includes(id) ?? false;
}

/** Returns the number of requests that a worker runs at once. Default: 1. */
export function slotsOf({ status, capacity }: PeerInfo): number {
  return Math.max(1, status?.slots ?? capacity?.slots ?? 1);
}

function mayAnswer(model: ModelInfo, request: InferenceRequest): boolean {
  if (model.abilities !== undefined) return canAnswer(model, request);
  return !abilitiesNeeded(request).some((ability) => IGNORED_BY_OLD_WORKERS.has(ability));
}

function unlistedAbilityError({ id }: ModelInfo, request: InferenceRequest): ShoalError {
  const needed = abilitiesNeeded(request).join(', ');
  return ShoalError.invalidRequest(
    `No worker with the model "${id}" lists the abilities that the request needs: ${needed}. Update Shoal on the workers.`,
  );
}

/** Returns the peers that lend the requested model, with the model of each. */
function lendersOf(peers: readonly Peer[], request: InferenceRequest): readonly { peer: Peer; model: ModelInfo }[] {
  return peers.flatMap((peer) => {
    const model = peer.info.lends === true ? matchModel(peer.info.models, request.model) : undefined;
    return model === undefined ? [] : [{ peer, model }];
  });
}

/** Returns sort keys. Smaller is better, and the first difference decides. */
function rankOf({ info, link, othersLoad = 0 }: Peer, draw: number): readonly number[] {
  const { status } = info;
  const load = (othersLoad + link.openAnswers) / slotsOf(info);
  // Rounded to tens, so that small changes of health do not send all clients to the same worker.
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
