import { type FinishEvent, isTerminal } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { type ErrorCode, ShoalError } from '@shoal/protocol/error';
import { type AnswerStream, monotonicNow } from '@shoal/transport';
import { AskedWorkers } from './asked-workers.ts';
import { AUTO_MODEL, chooseModel, type ModelChoice } from './auto-model.ts';
import type { Cancellation } from './cancel.ts';
import { withDeadline } from './deadline.ts';
import { Discovery } from './discovery.ts';
import type { GenerationEvent } from './generation.ts';
import { askOpenGatewayPeers } from './dialects/opengateway.ts';
import { type Network, type Peer, peerName, privacyOf } from '@shoal/network';
import { LateTimer } from './late-timer.ts';
import { AnswerSilence, paceOf } from './pace.ts';
import { AnswerProgress } from './progress.ts';
import { matchModel, rankWorkers, missingAbilityError } from './select.ts';

/** Errors after which another worker is asked. */
const RETRYABLE_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONNECT_FAILED',
  'HOST_DISCONNECTED',
  'OLLAMA_NOT_FOUND',
  'OLLAMA_MODEL_NOT_AVAILABLE',
  'MODEL_BUSY',
  'GENERATION_FAILED',
  'GENERATION_ABORTED',
  'TIMEOUT_NO_RESPONSE',
  'OVERLOADED',
  'QUEUE_FULL',
  'MODEL_NOT_FOUND',
  'UNAUTHORIZED',
  'WORKER_LOST',
  'INTERNAL',
]);

export interface GenerateOptions {
  readonly network: Network;
  /** Its model may be `auto`. */
  readonly request: InferenceRequest;
  /** The user's models for `auto`, from the lightest to the strongest. Default: by the number of parameters. */
  readonly autoModels?: readonly string[] | undefined;
  /** Default: all clusters that the node is in. */
  readonly cluster?: string | undefined;
  readonly random: () => number;
  /** False: OpenGateway peers are not asked. Each request goes to all, because the dialect does not show which ones lend. */
  readonly asksEverybody?: boolean | undefined;
  /** This node's own workers, which are asked if no peer can answer. */
  readonly own?: readonly Peer[] | undefined;
  /** Awaited before workers are selected, within the request's deadline. */
  readonly prepare?: (() => Promise<void>) | undefined;
  /**
   * The longest silence of an answer, in milliseconds, before another worker is asked. Infinity: no limit. Default: by the
   * length of the prompt and what the worker has shown.
   */
  readonly progressTimeoutMs?: number | undefined;
}

/**
 * Asks the best worker, and the next best if that one fails or is silent for too long. If the reader has no part of the answer
 * yet, any worker may be next. Otherwise a worker with the same model file continues exactly where the answer stopped, or the
 * answer ends with the error. The request's deadline covers all of it and begins with this call.
 */
export function generate(
  options: GenerateOptions,
  cancellation: Cancellation,
): AsyncGenerator<GenerationEvent, undefined> {
  const { network, cluster, request, prepare } = options;
  const startedAt = monotonicNow();
  const begin = (limited: Cancellation): AsyncGenerator<GenerationEvent, undefined> => {
    const search = { discovery: new Discovery(network, cluster, limited), startedAt, cancellation: limited };
    return request.model === AUTO_MODEL ? generateAuto(options, search) : generateWith(options, search);
  };
  // Without a preparation no generator stands between the worker and the reader of each token.
  return withDeadline(request.deadlineMs, cancellation, (limited) =>
    prepare === undefined ? begin(limited) : generateAfter(prepare, limited, begin),
  );
}

async function* generateAfter(
  prepare: () => Promise<void>,
  cancellation: Cancellation,
  begin: (cancellation: Cancellation) => AsyncGenerator<GenerationEvent, undefined>,
): AsyncGenerator<GenerationEvent, undefined> {
  await untilCancelled(prepare(), cancellation);
  return yield* begin(cancellation);
}

/** Resolves with the promise, and early after a cancellation. */
async function untilCancelled(promise: Promise<void>, cancellation: Cancellation): Promise<void> {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const stopListening = cancellation.onCancel(resolve);
  try {
    await Promise.race([promise, cancelled]);
  } finally {
    stopListening();
  }
}

/** Chooses the model of the request first. */
async function* generateAuto(options: GenerateOptions, search: Search): AsyncGenerator<GenerationEvent, undefined> {
  const choice = await chooseAuto(options, search.discovery);
  if (search.cancellation.isCancelled) return yield abortedFinish();
  const chosen = { ...options, request: { ...options.request, model: choice?.model } };
  if (choice === undefined) return yield { type: 'error', error: noWorkerError(chosen, search.discovery) };
  for await (const event of generateWith(chosen, search)) {
    yield event.type === 'worker' ? { ...event, auto: choice.reason } : event;
  }
}

/** The search for workers for one request. */
interface Search {
  readonly discovery: Discovery;
  /** On the monotonic clock, in milliseconds. */
  readonly startedAt: number;
  readonly cancellation: Cancellation;
}

async function* generateWith(options: GenerateOptions, search: Search): AsyncGenerator<GenerationEvent, undefined> {
  const { discovery, startedAt, cancellation } = search;
  const { network, cluster } = options;
  const progress = new AnswerProgress(options.request, startedAt);
  const asked = new AskedWorkers();
  const next = (): Peer | undefined => nextWorker(options, progress, asked);
  for (;;) {
    let worker = next();
    if (worker === undefined) {
      const found = await discovery.find(next);
      // Selected again just before the request, because other requests that waited may have been sent meanwhile.
      worker = next() ?? found;
    }
    if (cancellation.isCancelled) return yield abortedFinish();
    if (worker === undefined) break;
    asked.add(worker);
    const answer = ask(worker, progress);
    const isUnsent = answer instanceof ShoalError;
    const error = isUnsent
      ? answer
      : yield* forward(worker, answer, { options, progress, attempts: asked.count, cancellation });
    if (error === undefined) return;
    progress.failed(error);
    // A request that is too large to send to a peer may still fit this node's own workers.
    if (isUnsent && error.code === 'INVALID_REQUEST') for (const peer of network.peers(cluster)) asked.exclude(peer);
    else if (!RETRYABLE_CODES.has(error.code)) break;
  }
  const { asksEverybody = true } = options;
  if (
    asksEverybody &&
    !progress.hasBegun &&
    (progress.error === undefined || RETRYABLE_CODES.has(progress.error.code))
  ) {
    const all = { peers: network.peers(cluster), silent: network.silentMembers(cluster) };
    const answered = yield* askOpenGatewayPeers(all, options.request, cancellation);
    if (answered) return;
    if (cancellation.isCancelled) return yield abortedFinish();
  }
  yield { type: 'error', error: lastError(progress) ?? noWorkerError(options, discovery) };
}

/** The last worker's error. In the middle of an answer it says why no other worker continued. */
function lastError(progress: AnswerProgress): ShoalError | undefined {
  const { error, hasBegun } = progress;
  if (error === undefined || !hasBegun || !RETRYABLE_CODES.has(error.code)) return error;
  return progress.interrupted(error);
}

/** Resolves with undefined if no worker has a model that can answer. */
async function chooseAuto(options: GenerateOptions, discovery: Discovery): Promise<ModelChoice | undefined> {
  const { network, cluster, request, own = [], autoModels } = options;
  const lenders = (): Peer[] => [...network.peers(cluster), ...own].filter(({ info }) => info.lends === true);
  const isAble = ({ info }: Peer): boolean => chooseModel(request, info.models) !== undefined;
  await discovery.find(() => lenders().find(isAble));
  const models = new Map(lenders().flatMap(({ info }) => info.models.map((model) => [model.id, model])));
  return chooseModel(request, [...models.values()], autoModels);
}

function noWorkerError({ network, cluster, request, own = [] }: GenerateOptions, discovery: Discovery): ShoalError {
  return (
    missingAbilityError([...network.peers(cluster), ...own], request) ?? discovery.noWorkerError(request.model, own)
  );
}

function nextWorker(options: GenerateOptions, progress: AnswerProgress, asked: AskedWorkers): Peer | undefined {
  const { network, cluster, request, random, own = [] } = options;
  const best = (peers: readonly Peer[]): Peer | undefined =>
    rankWorkers(peers, request, random).find((peer) => asked.mayAsk(peer) && progress.canContinueAt(peer));
  return best(network.peers(cluster)) ?? best(own);
}

/** Returns the error if the request cannot be sent. */
function ask(worker: Peer, progress: AnswerProgress): AnswerStream | ShoalError {
  try {
    return worker.link.ask(progress.remaining());
  } catch (thrown) {
    return ShoalError.from(thrown);
  }
}

interface Forwarding {
  readonly options: GenerateOptions;
  readonly progress: AnswerProgress;
  /** The number of workers that were asked, this one included. */
  readonly attempts: number;
  readonly cancellation: Cancellation;
}

/**
 * Forwards one worker's events. Returns the error that ended them, or undefined once the terminal event was yielded. A worker
 * that is silent for too long is aborted.
 */
async function* forward(
  worker: Peer,
  answer: AnswerStream,
  { options: { request, progressTimeoutMs }, progress, attempts, cancellation }: Forwarding,
): AsyncGenerator<GenerationEvent, ShoalError | undefined> {
  const stopListening = cancellation.onCancel(() => answer.abort());
  const model = matchModel(worker.info.models, request.model);
  const pace = paceOf(worker.link, model?.digest ?? model?.id ?? '');
  const silence = new AnswerSilence({ request, pace, timeoutMs: progressTimeoutMs }, monotonicNow());
  let isSilent = false;
  const timer = new LateTimer(() => {
    isSilent = true;
    answer.abort();
  });
  try {
    let isAnnounced = false;
    timer.set(silence.waiting(monotonicNow()));
    for await (const event of answer) {
      timer.stop();
      silence.received(event, monotonicNow());
      if (isSilent) return silentError(worker, silence.limitMs);
      if (event.type === 'error') return event.error;
      if (!isAnnounced && event.type !== 'queued') {
        isAnnounced = true;
        progress.setWorker(worker);
        const [name, privacy] = [peerName(worker), privacyOf(worker)];
        yield { type: 'worker', name, id: worker.key, model: model?.id, digest: model?.digest, privacy, attempts };
      }
      if (!progress.isDuplicate(event)) yield progress.add(event);
      if (isTerminal(event)) return undefined;
      timer.set(silence.waiting(monotonicNow()));
    }
    return ShoalError.workerLost('The answer ended without an end.');
  } finally {
    timer.close();
    stopListening();
  }
}

function silentError(worker: Peer, ms: number): ShoalError {
  return new ShoalError(
    'TIMEOUT_NO_RESPONSE',
    `${peerName(worker)} is connected but sent nothing of the answer for ${Math.round(ms / 1_000)} s. Ask again, or allow more time with progressTimeout.`,
  );
}

function abortedFinish(): FinishEvent {
  return { type: 'finish', reason: 'abort', rawReason: 'abort' };
}
