import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import {
  ANSWER_TIMEOUT_MS,
  type HealthReport,
  type InferenceResult,
  isQmeshFinish,
  qmeshTopic,
} from '@shoal/protocol/qmesh';
import { monotonicNow } from '@shoal/transport';
import { createDht, type Dht } from '@shoal/transport/dht';
import { Cancellation, type CancelSignal } from '../../cancel.ts';
import { checkDeadline } from '../../deadline.ts';
import { notFoundError } from '../not-found.ts';
import { type QmeshConnection, QmeshConnections } from './connections.ts';
import { rankQmeshWorkers } from './select.ts';

/** The first worker must be found within this time. */
export const QMESH_DISCOVERY_WAIT_MS = 15_000;
/** The search for workers ends this long after joining or after the newest worker was found. */
export const QMESH_SETTLING_MS = 1_000;

export interface QmeshOptions {
  /** The caller's DHT, which stays open. Default: a DHT of this client. */
  readonly dht?: Dht | undefined;
  /** `host:port` of the DHT's bootstrap nodes. Default: the public ones. */
  readonly bootstrap?: readonly string[] | undefined;
  /** The network's name. Default: the network of QMesh's own programs. */
  readonly network?: string | undefined;
  /** The time to find a first worker. Default: `QMESH_DISCOVERY_WAIT_MS`. */
  readonly searchMs?: number | undefined;
  /** Receives a line for each event of the swarm. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface QmeshWorker {
  /** The worker's own id: 64 hex digits, or 32. */
  readonly id: string;
  /** Public key in hex, proven by the transport. */
  readonly key: string;
  readonly health: HealthReport;
}

export interface QmeshAskOptions {
  readonly maxTokens?: number | undefined;
  /** 0: always the likeliest token. */
  readonly temperature?: number | undefined;
  /** The time for each worker to answer. Default: 60,000. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds for the whole call: the search, and all workers that are asked. Default: no limit. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: CancelSignal | undefined;
  /** Called with the worker that is asked, and again with the next if that one fails. */
  readonly onSelected?: ((worker: QmeshWorker) => void) | undefined;
}

export interface QmeshAnswer extends InferenceResult {
  readonly worker: QmeshWorker;
}

/** Joins a QMesh network as a client. Resolves before workers are found; `ask` waits for them. */
export async function connectQmesh(options: QmeshOptions = {}): Promise<Qmesh> {
  const { bootstrap, network, searchMs = QMESH_DISCOVERY_WAIT_MS, log } = options;
  const dht = options.dht ?? createDht(bootstrap === undefined ? {} : { bootstrap });
  const connections = new QmeshConnections({ dht, topic: qmeshTopic(network), log });
  return new Qmesh(connections, { dht, ownsDht: options.dht === undefined, searchMs });
}

/** The DHT in which a client looks for workers, and the time limit. */
interface QmeshSearch {
  readonly dht: Dht;
  /** True: the client closes it. */
  readonly ownsDht: boolean;
  readonly searchMs: number;
}

/** A client of QMesh workers. It sends requests and lends nothing. */
export class Qmesh {
  readonly #connections: QmeshConnections;
  readonly #search: QmeshSearch;

  constructor(connections: QmeshConnections, search: QmeshSearch) {
    this.#connections = connections;
    this.#search = search;
  }

  /** Returns the workers that have sent their health. */
  workers(): readonly QmeshWorker[] {
    return this.#connections.known().map(({ worker }) => worker);
  }

  /** Calls the listener at every change of workers or of their health. Returns a function that removes it. */
  onChange(listener: () => void): () => void {
    return this.#connections.onChange(listener);
  }

  /**
   * Waits for a first worker, and then for as long as new ones appear. Rejects with `HOST_OFFLINE` if none is found in time.
   */
  async discover(signal?: CancelSignal): Promise<readonly QmeshWorker[]> {
    return cancellable(signal, async (cancellation) => {
      const deadline = monotonicNow() + this.#search.searchMs;
      while (this.#connections.known().length === 0) {
        this.#checkActive(cancellation);
        if (monotonicNow() >= deadline) throw await this.#notFound(cancellation);
        await this.#connections.change(deadline, cancellation);
      }
      while (monotonicNow() < this.#settledAt) {
        this.#checkActive(cancellation);
        await this.#connections.change(this.#settledAt, cancellation);
      }
      return this.workers();
    });
  }

  /**
   * Asks the healthiest worker, and the next one if that one refuses, fails or is lost. An answer arrives whole, so no part is
   * received twice. Rejects with the last worker's `ShoalError`, with `HOST_OFFLINE` if there is no worker, and with
   * `DEADLINE_EXCEEDED`.
   */
  async ask(prompt: string, options: QmeshAskOptions = {}): Promise<QmeshAnswer> {
    const { signal, deadlineMs } = options;
    checkDeadline(deadlineMs);
    return cancellable(signal, (cancellation) => this.#ask(prompt, options, cancellation), deadlineMs);
  }

  async close(): Promise<void> {
    await this.#connections.close();
    if (this.#search.ownsDht) await this.#search.dht.close();
  }

  async #ask(prompt: string, options: QmeshAskOptions, cancellation: Cancellation): Promise<QmeshAnswer> {
    const request = toRequest(prompt, options);
    const startedAt = monotonicNow();
    const tried = new Set<string>();
    let failure: ShoalError | undefined;
    for (;;) {
      this.#checkActive(cancellation);
      // Selected and asked without an `await` between: each of many requests must count the ones before it.
      const connection = this.#best(tried);
      if (connection !== undefined) {
        tried.add(connection.worker.key);
        options.onSelected?.(connection.worker);
        try {
          return await askOne(connection, request, cancellation);
        } catch (thrown) {
          failure = ShoalError.from(thrown);
          if (failure.code === 'INVALID_REQUEST') throw failure;
          if (failure.code === 'WORKER_LOST') connection.leave();
        }
        continue;
      }
      // Until a first worker is found. After a failure, until the workers that are connecting now are found.
      const deadline = failure === undefined ? startedAt + this.#search.searchMs : this.#settledAt;
      if (monotonicNow() >= deadline) throw failure ?? (await this.#notFound(cancellation));
      await this.#connections.change(deadline, cancellation);
    }
  }

  #checkActive({ isCancelled }: Cancellation): void {
    if (isCancelled) throw ShoalError.aborted('The request was cancelled.');
    if (this.#connections.isClosed) throw ShoalError.aborted('This client is closed.');
  }

  async #notFound(cancellation: Cancellation): Promise<ShoalError> {
    const cancelled = Promise.withResolvers<void>();
    const stopListening = cancellation.onCancel(() => cancelled.resolve());
    const error = notFoundError(this.#search.dht, 'No worker was found. Start one: shoal qmesh worker');
    await Promise.race([error, cancelled.promise]);
    stopListening();
    this.#checkActive(cancellation);
    return error;
  }

  #best(tried: ReadonlySet<string>): QmeshConnection | undefined {
    const untried = this.#connections.known().filter(({ worker }) => !tried.has(worker.key));
    return rankQmeshWorkers(untried, Math.random)[0];
  }

  get #settledAt(): number {
    return this.#connections.lastFoundAt + QMESH_SETTLING_MS;
  }
}

/** Rejects with the `ShoalError` of a failed answer. */
async function askOne(
  connection: QmeshConnection,
  request: InferenceRequest,
  cancellation: Cancellation,
): Promise<QmeshAnswer> {
  const { worker } = connection;
  const answer = connection.ask(request);
  const stopListening = cancellation.onCancel(() => answer.abort());
  try {
    for await (const event of answer) {
      if (event.type === 'error') throw event.error;
      if (isQmeshFinish(event)) return { ...event.result, worker };
    }
    throw ShoalError.aborted('The request was cancelled.');
  } finally {
    stopListening();
    connection.ended(answer);
  }
}

function toRequest(prompt: string, { maxTokens, temperature, timeoutMs }: QmeshAskOptions): InferenceRequest {
  if (prompt === '') throw ShoalError.invalidRequest('There is no prompt.');
  return {
    input: promptInput(prompt),
    sampling: { maxTokens, temperature },
    stop: [],
    deadlineMs: timeoutMs ?? ANSWER_TIMEOUT_MS,
  };
}

async function cancellable<Value>(
  signal: CancelSignal | undefined,
  run: (cancellation: Cancellation) => Promise<Value>,
  deadlineMs?: number,
): Promise<Value> {
  const cancellation = new Cancellation();
  const cancel = (): void => cancellation.cancel();
  let hasPassed = false;
  const pass = (): void => {
    hasPassed = !cancellation.isCancelled;
    cancel();
  };
  const timer = deadlineMs === undefined ? undefined : setTimeout(pass, deadlineMs);
  if (signal?.aborted === true) cancel();
  signal?.addEventListener('abort', cancel);
  try {
    return await run(cancellation);
  } catch (thrown) {
    throw hasPassed ? ShoalError.deadlineExceeded() : thrown;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  }
}
