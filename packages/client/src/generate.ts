import {
  type ErrorCode,
  type Finish,
  type InferenceEvent,
  type InferenceRequest,
  isTerminal,
  ShoalError,
} from '@shoal/protocol';
import { type Answer, monotonicNow } from '@shoal/transport';
import type { Cancellation } from './cancel.ts';
import { Discovery } from './discovery.ts';
import type { GenerationEvent } from './generation.ts';
import type { Network } from './network.ts';
import { askOpenGatewayPeers } from './opengateway.ts';
import { type Peer, peerName } from './peer.ts';
import { matchModel, rankWorkers } from './select.ts';

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
  readonly cluster?: string;
  readonly random: () => number;
  /** False: OpenGateway peers, of which all would be asked at once, are not asked. */
  readonly asksEverybody?: boolean;
  /** This node's own worker, for what nobody else can answer. */
  readonly self?: Peer;
}

/**
 * Asks the best worker, and the next best where that one fails. Before the first text the reader notices nothing; after
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
  yield { type: 'error', error: progress.error ?? discovery.whyNobody(options.request.model, options.self) };
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
  let answer: Answer;
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
      yield progress.add(event);
      if (isTerminal(event)) return undefined;
    }
    return ShoalError.workerLost('The answer ended without an end.');
  } finally {
    stopListening();
  }
}

/** What has been said of one answer, whoever said it. */
class Progress {
  readonly #request: InferenceRequest;
  readonly #startedAt: number;
  #text = '';
  #tokens: number[] = [];
  #digest: string | undefined;
  #error: ShoalError | undefined;

  constructor(request: InferenceRequest, startedAt: number) {
    this.#request = request;
    this.#startedAt = startedAt;
    this.#text = request.resume?.text ?? '';
    this.#tokens = [...(request.resume?.tokens ?? [])];
  }

  get hasBegun(): boolean {
    return this.#text !== (this.#request.resume?.text ?? '');
  }

  /** The latest failure that no worker has made good yet. */
  get error(): ShoalError | undefined {
    return this.#error;
  }

  /** Before the first text anybody may answer; after it only whoever has the same model file. */
  canGoOnAt(worker: Peer): boolean {
    if (!this.hasBegun) return true;
    const model = matchModel(worker.info.models, this.#request.model);
    return this.#digest !== undefined && model?.digest === this.#digest;
  }

  workedOnBy(worker: Peer): void {
    this.#digest = matchModel(worker.info.models, this.#request.model)?.digest;
  }

  /** The request for what is still to be said. */
  remaining(): InferenceRequest {
    const { deadlineMs, sampling } = this.#request;
    const left = deadlineMs === undefined ? undefined : Math.ceil(deadlineMs - (monotonicNow() - this.#startedAt));
    if (left !== undefined && left <= 0) throw ShoalError.deadlineExceeded();
    const request = left === undefined ? this.#request : { ...this.#request, deadlineMs: left };
    if (!this.hasBegun) return request;
    const { maxTokens } = sampling;
    const said = this.#saidTokens;
    return {
      ...request,
      sampling: maxTokens === undefined ? sampling : { ...sampling, maxTokens: Math.max(1, maxTokens - said) },
      resume: { text: this.#text, tokens: this.#tokens },
    };
  }

  add(event: Exclude<InferenceEvent, { type: 'error' }>): InferenceEvent {
    switch (event.type) {
      case 'queued':
        return event;
      case 'text':
        this.#text += event.text;
        this.#tokens.push(...event.tokens);
        return event;
      case 'finish':
        return this.#withWholeUsage(event);
      default:
        return event satisfies never;
    }
  }

  failed(error: ShoalError): void {
    this.#error = error;
  }

  aborted(): Finish {
    return { type: 'finish', reason: 'abort', rawReason: 'abort' };
  }

  get #saidTokens(): number {
    return this.#tokens.length - (this.#request.resume?.tokens.length ?? 0);
  }

  /** The last worker counts its own tokens only; the reader asked for one answer. */
  #withWholeUsage(finish: Finish): Finish {
    if (finish.usage === undefined || this.#error === undefined) return finish;
    return {
      ...finish,
      usage: { ...finish.usage, completionTokens: Math.max(finish.usage.completionTokens, this.#saidTokens) },
    };
  }
}
