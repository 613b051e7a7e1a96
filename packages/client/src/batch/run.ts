import { ShoalError } from '@shoal/protocol/error';
import { monotonicNow } from '@shoal/transport';
import { type BatchGenerator, attempt, type BatchResult } from './attempt.ts';
import type { BatchLine, BatchRequest } from './line.ts';
import { BatchCapacity, type Lender } from './capacity.ts';
import { Cancellation, type CancelSignal } from '../cancel.ts';

/** Milliseconds that a batch waits for a worker, or for one with the model. */
export const WORKER_TIMEOUT_MS = 30_000;
/** The most lines ahead of the oldest open one. A reader that restores the order must hold this many results. */
const WINDOW_LINES = 1_000;
const DEFAULT_RETRIES = 3;

/** The part of `Shoal` that a batch needs. */
export interface BatchClient extends BatchGenerator {
  peers(): readonly Lender[];
  onChange(listener: () => void): () => void;
}

export interface BatchOptions {
  readonly client: BatchClient;
  /** Read on demand. */
  readonly lines: AsyncIterable<BatchLine> | Iterable<BatchLine>;
  /** Replaces the models of the lines. */
  readonly model?: string | undefined;
  /** Milliseconds for each line from its first request on, retries included. Default: no limit. */
  readonly deadlineMs?: number | undefined;
  /** The most open requests. Default: the number of slots of the workers. */
  readonly concurrency?: number | undefined;
  /** Retries after failures of one line. Default: 3. A busy worker is not a failure. */
  readonly retries?: number | undefined;
  /** Ends the batch: open requests are aborted, and no further line is started. */
  readonly signal?: CancelSignal | undefined;
  readonly windowLines?: number | undefined;
  readonly workerTimeoutMs?: number | undefined;
  readonly random?: (() => number) | undefined;
}

/** A running batch: reads lines while there is capacity, and generates their answers. */
export class BatchRun {
  readonly #options: BatchOptions;
  readonly #capacity: BatchCapacity;
  readonly #cancellation = new Cancellation();
  readonly #signal: CancelSignal;
  /** By the line's position among all lines that were read. */
  readonly #running = new Map<number, { readonly model: string | undefined; readonly done: Promise<void> }>();
  readonly #results: BatchResult[] = [];
  readonly #release: (() => void)[] = [];
  readonly #reading: Promise<void>;
  #change = Promise.withResolvers<void>();
  #count = 0;
  #isReading = true;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: BatchOptions) {
    const { client, signal, concurrency = Infinity, workerTimeoutMs = WORKER_TIMEOUT_MS } = options;
    this.#options = options;
    this.#capacity = new BatchCapacity({
      peers: () => client.peers(),
      concurrency,
      workerTimeoutMs,
      now: monotonicNow,
    });
    this.#signal = toSignal(this.#cancellation);
    const cancel = (): void => this.#cancellation.cancel();
    this.#cancellation.onCancel(() => this.#changed());
    this.#release.push(client.onChange(() => this.#peersChanged()));
    if (signal?.aborted === true) cancel();
    signal?.addEventListener('abort', cancel);
    this.#release.push(() => signal?.removeEventListener('abort', cancel));
    this.#reading = this.#read();
  }

  async *results(): AsyncGenerator<BatchResult, undefined> {
    for (;;) {
      for (let result = this.#results.shift(); result !== undefined; result = this.#results.shift()) {
        yield result;
        this.#changed();
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#cancellation.isCancelled || (!this.#isReading && this.#running.size === 0)) return;
      await this.#change.promise;
    }
  }

  /** Aborts open requests, and resolves when all have ended. */
  async end(): Promise<void> {
    this.#cancellation.cancel();
    await this.#reading;
    await Promise.all([...this.#running.values()].map(({ done }) => done));
    for (const release of this.#release) release();
  }

  async #read(): Promise<void> {
    try {
      for await (const line of this.#options.lines) {
        const model = 'input' in line ? (this.#options.model ?? line.input.model) : undefined;
        const fits = (): boolean => this.#isInWindow() && ('error' in line || this.#hasCapacity(model));
        while (!fits() && !this.#cancellation.isCancelled) await this.#change.promise;
        if (this.#cancellation.isCancelled) return;
        this.#count += 1;
        if ('input' in line) this.#begin(line, model);
        else this.#ended(line);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isReading = false;
      this.#changed();
    }
  }

  #isInWindow(): boolean {
    const windowLines = this.#options.windowLines ?? WINDOW_LINES;
    const next = this.#count + 1;
    const [oldest = next] = this.#running.keys();
    return next - oldest < windowLines && this.#results.length < windowLines;
  }

  #hasCapacity(model: string | undefined): boolean {
    if (this.#running.size >= this.#capacity.limit()) return false;
    if (model === undefined) return true;
    const same = [...this.#running.values()].filter((running) => running.model === model).length;
    return same < this.#capacity.limit(model);
  }

  #begin(request: BatchRequest, model: string | undefined): void {
    const number = this.#count;
    const { deadlineMs = request.input.deadlineMs } = this.#options;
    const adapted = { ...request, input: { ...request.input, model, deadlineMs } };
    const done = this.#attempt(adapted).finally(() => {
      this.#running.delete(number);
      this.#changed();
    });
    this.#running.set(number, { model, done });
  }

  async #attempt(request: BatchRequest): Promise<void> {
    const { client: generator, retries = DEFAULT_RETRIES, random = Math.random } = this.#options;
    const delay = (ms: number): Promise<void> => this.#delay(ms);
    try {
      const result = await attempt(request, {
        generator,
        capacity: this.#capacity,
        retries,
        random,
        delay,
        signal: this.#signal,
      });
      if (result !== undefined) this.#ended(result);
    } catch (error) {
      this.#fail(error);
    }
  }

  #ended(result: BatchResult): void {
    this.#results.push(result);
    this.#changed();
  }

  /** The first error ends the batch; later ones are its consequences. */
  #fail(error: unknown): void {
    this.#failure ??= { error: ShoalError.from(error) };
    this.#cancellation.cancel();
    this.#changed();
  }

  #peersChanged(): void {
    this.#capacity.update();
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        stopListening();
        resolve();
      };
      const timer = setTimeout(done, ms);
      const stopListening = this.#cancellation.onCancel(() => queueMicrotask(done));
    });
  }
}

function toSignal(cancellation: Cancellation): CancelSignal {
  const stops = new Map<() => void, () => void>();
  return {
    get aborted() {
      return cancellation.isCancelled;
    },
    addEventListener: (_type, listener) => void stops.set(listener, cancellation.onCancel(listener)),
    removeEventListener(_type, listener) {
      stops.get(listener)?.();
      stops.delete(listener);
    },
  };
}
