import { type ErrorCode, type InferenceRequest, isTerminal, ShoalError } from '@shoal/protocol';
import { type AnswerStream, monotonicNow } from '@shoal/transport';
import type { Cancellation } from './cancel.ts';
import { Discovery } from './discovery.ts';
import type { GenerationEvent } from './generation.ts';
import { askOpenGatewayPeers } from './dialects/opengateway.ts';
import { type Network, type Peer, peerName } from '@shoal/network';
import { Progress } from './progress.ts';
import { rankWorkers, whatIsLacking } from './select.ts';

/** What another worker may well do better. */
const WORTH_ANOTHER_WORKER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
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
  readonly request: InferenceRequest;
  /** Absent: any cluster that the node is in. */
  readonly cluster?: string | undefined;
  readonly random: () => number;
  /** False: OpenGateway peers, of which all would be asked at once, are not asked. */
  readonly asksEverybody?: boolean | undefined;
  /** This node's own worker, for what nobody else can answer. */
  readonly self?: Peer | undefined;
}

/**
 * Asks the best worker, and the next best where that one fails. Before anything is said the reader notices nothing; after
 * it, a worker with the same model file goes on from exactly what was said, or the answer ends with the error.
 */
export async function* generate(
  options: GenerateOptions,
  cancellation: Cancellation,
): AsyncGenerator<GenerationEvent, undefined> {
  const { network, cluster } = options;
  const startedAt = monotonicNow();
  const progress = new Progress(options.request, startedAt);
  const discovery = new Discovery(network, cluster, cancellation);
  const tried = new Set<string>();
  for (;;) {
    const found = await discovery.find(() => nextWorker(options, progress, tried));
    if (cancellation.isCancelled) return yield progress.aborted();
    if (found === undefined) break;
    // Chosen again in the moment of asking: what others of our requests were given to whom meanwhile counts.
    const worker = nextWorker(options, progress, tried) ?? found;
    tried.add(worker.key);
    const terminal = yield* forward(worker, progress, cancellation);
    if (terminal === undefined) return;
    progress.failed(terminal);
    if (!WORTH_ANOTHER_WORKER.has(terminal.code)) break;
  }
  const { asksEverybody = true } = options;
  if (
    asksEverybody &&
    !progress.hasBegun &&
    (progress.error === undefined || WORTH_ANOTHER_WORKER.has(progress.error.code))
  ) {
    const answered = yield* askOpenGatewayPeers(network.peers(cluster), options.request, cancellation);
    if (answered) return;
  }
  yield { type: 'error', error: progress.error ?? whyNobody(options, discovery) };
}

function whyNobody({ network, cluster, request, self }: GenerateOptions, discovery: Discovery): ShoalError {
  const peers = [...network.peers(cluster), ...(self === undefined ? [] : [self])];
  return whatIsLacking(peers, request) ?? discovery.whyNobody(request.model, self);
}

function nextWorker(options: GenerateOptions, progress: Progress, tried: ReadonlySet<string>): Peer | undefined {
  const { network, cluster, request, random, self } = options;
  const ranked = rankWorkers(network.peers(cluster), request, random);
  const others = self === undefined ? [] : rankWorkers([self], request, random);
  return [...ranked, ...others].find((peer) => !tried.has(peer.key) && progress.canGoOnAt(peer));
}

/** Forwards one worker's events. Returns the error that ended them, or undefined once the terminal event was yielded. */
async function* forward(
  worker: Peer,
  progress: Progress,
  cancellation: Cancellation,
): AsyncGenerator<GenerationEvent, ShoalError | undefined> {
  let answer: AnswerStream;
  try {
    answer = worker.link.ask(progress.remaining());
  } catch (thrown) {
    return ShoalError.from(thrown);
  }
  const stopListening = cancellation.onCancel(() => answer.abort());
  try {
    let isAnnounced = false;
    for await (const event of answer) {
      if (event.type === 'error') return event.error;
      if (!isAnnounced && event.type !== 'queued') {
        isAnnounced = true;
        progress.workedOnBy(worker);
        yield { type: 'worker', name: peerName(worker), id: worker.key };
      }
      if (!progress.knows(event)) yield progress.add(event);
      if (isTerminal(event)) return undefined;
    }
    return ShoalError.workerLost('The answer ended without an end.');
  } finally {
    stopListening();
  }
}
