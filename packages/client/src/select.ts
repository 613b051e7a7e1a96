import {
  type Ability,
  abilitiesNeeded,
  canAnswer,
  checkAbilities,
  type InferenceRequest,
  isNamed,
  type ModelInfo,
  type PeerInfo,
  ShoalError,
} from '@shoal/protocol';
import type { Peer } from '@shoal/network';

/** What every worker understands, also one that does not tell what its models can do. */
const UNDERSTOOD_BY_ALL: ReadonlySet<Ability> = new Set<Ability>(['messages', 'prompt', 'tokens']);

/** What an old worker, which does not tell what its models can do, would leave out of an answer without a word. */
const LOST_ON_OLD_WORKERS: ReadonlySet<Ability> = new Set<Ability>(['tools', 'json', 'logprobs']);

/** The model of these that a request means: by id, by digest, or the first where it names none. */
export function matchModel(models: readonly ModelInfo[], wanted: string | undefined): ModelInfo | undefined {
  if (wanted === undefined) return models[0];
  return models.find((model) => isNamed(model, wanted));
}

/**
 * Who is asked first: of the peers that lend the model and whose model can answer, those that tell so before those that do
 * not tell, where the request needs more than every worker understands; then those with a free slot before those without, then the least
 * loaded (running and waiting requests a slot), then the healthiest, then the fastest. `random` (0 to 1) settles what is
 * still equal, so that clients that know the same peers do not all choose the same one.
 */
export function rankWorkers(peers: readonly Peer[], request: InferenceRequest, random: () => number): readonly Peer[] {
  const isSpecial = abilitiesNeeded(request).some((ability) => !UNDERSTOOD_BY_ALL.has(ability));
  return lendersOf(peers, request)
    .filter(({ model }) => mayAnswer(model, request))
    .map(({ peer, model }) => {
      const isUnsure = isSpecial && model.abilities === undefined;
      return { peer, rank: [isUnsure ? 1 : 0, ...rankOf(peer, random())] };
    })
    .toSorted((left, right) => compare(left.rank, right.rank))
    .map(({ peer }) => peer);
}

/** What the model lacks where there are peers that lend it and none of theirs can answer; undefined otherwise. */
export function whatIsLacking(peers: readonly Peer[], request: InferenceRequest): ShoalError | undefined {
  const lenders = lendersOf(peers, request);
  const [first] = lenders;
  if (first === undefined || lenders.some(({ model }) => mayAnswer(model, request))) return undefined;
  const { model } = lenders.find((lender) => lender.model.abilities !== undefined) ?? first;
  if (model.abilities === undefined) return notTold(model, request);
  try {
    checkAbilities(model, request);
    return undefined;
  } catch (thrown) {
    return ShoalError.from(thrown);
  }
}

/** How many requests a worker runs at once, as far as it says. */
export function slotsOf({ status, capacity }: PeerInfo): number {
  return Math.max(1, status?.slots ?? capacity?.slots ?? 1);
}

function mayAnswer(model: ModelInfo, request: InferenceRequest): boolean {
  if (model.abilities !== undefined) return canAnswer(model, request);
  return !abilitiesNeeded(request).some((ability) => LOST_ON_OLD_WORKERS.has(ability));
}

function notTold({ id }: ModelInfo, request: InferenceRequest): ShoalError {
  const needed = abilitiesNeeded(request).join(', ');
  return ShoalError.invalidRequest(
    `Nobody who lends the model "${id}" tells that it can do what the request needs: ${needed}. Their Shoal may be too old.`,
  );
}

/** The peers that lend the model that a request is for, each with its own. */
function lendersOf(peers: readonly Peer[], request: InferenceRequest): readonly { peer: Peer; model: ModelInfo }[] {
  return peers.flatMap((peer) => {
    const model = peer.info.lends === true ? matchModel(peer.info.models, request.model) : undefined;
    return model === undefined ? [] : [{ peer, model }];
  });
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
