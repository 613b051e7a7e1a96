import { ShoalError } from '@shoal/protocol';
import { monotonicNow } from '@shoal/transport';
import { type Asks, attempt, type BatchResult } from './attempt.ts';
import type { BatchLine, BatchQuestion } from './line.ts';
import { BatchRoom, type Lender } from './room.ts';
import { Cancellation, type CancelSignal } from '../cancel.ts';

/** How long a batch waits for a worker, or for one with the model, while there is none. */
export const WORKER_PATIENCE_MS = 30_000;
/** How far lines may run ahead of the oldest that is not answered: what a reader who wants them in order has to hold. */
const WINDOW_LINES = 1_000;
const DEFAULT_RETRIES = 3;

/** The part of `Shoal` that a batch needs. */
export interface BatchClient extends Asks {
  peers(): readonly Lender[];
  onChange(listener: () => void): () => void;
}

export interface BatchOptions {
  readonly client: BatchClient;
  /** Read no faster than they are run. */
  readonly lines: AsyncIterable<BatchLine> | Iterable<BatchLine>;
  /** Asked for whatever the lines say. */
  readonly model?: string | undefined;
  /** Requests under way at once, at most; absent: as many as the workers have slots. */
  readonly concurrency?: number | undefined;
  /** Failures of one line that are made good by asking again; absent: 3. A worker without room is no failure. */
  readonly retries?: number | undefined;
  /** Ends the batch: what is under way is taken back, and no line is begun any more. */
  readonly signal?: CancelSignal | undefined;
  readonly windowLines?: number | undefined;
  readonly patienceMs?: number | undefined;
  readonly random?: (() => number) | undefined;
}

/** One batch under way: reads lines as there is room for them, and has each answered. */
export class BatchRun {
  readonly #options: BatchOptions;
  readonly #room: BatchRoom;
  readonly #cancellation = new Cancellation();
  readonly #signal: CancelSignal;
  /** By their place among all lines that were taken. */
  readonly #running = new Map<number, { readonly model: string | undefined; readonly done: Promise<void> }>();
  readonly #results: BatchResult[] = [];
  readonly #release: (() => void)[] = [];
  readonly #reading: Promise<void>;
  #change = Promise.withResolvers<void>();
  #taken = 0;
  #isReading = true;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: BatchOptions) {
    const { client, signal, concurrency = Infinity, patienceMs = WORKER_PATIENCE_MS } = options;
    this.#options = options;
    this.#room = new BatchRoom({ peers: () => client.peers(), concurrency, patienceMs, now: monotonicNow });
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

  /** Takes back what is under way, and waits until nothing is. */
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
        const fits = (): boolean => this.#isInWindow() && ('error' in line || this.#hasRoom(model));
        while (!fits() && !this.#cancellation.isCancelled) await this.#change.promise;
        if (this.#cancellation.isCancelled) return;
        this.#taken += 1;
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
    const next = this.#taken + 1;
    const [oldest = next] = this.#running.keys();
    return next - oldest < windowLines && this.#results.length < windowLines;
  }

  #hasRoom(model: string | undefined): boolean {
    if (this.#running.size >= this.#room.limit()) return false;
    if (model === undefined) return true;
    const same = [...this.#running.values()].filter((running) => running.model === model).length;
    return same < this.#room.limit(model);
  }

  #begin(question: BatchQuestion, model: string | undefined): void {
    const number = this.#taken;
    const asked = model === undefined ? question : { ...question, input: { ...question.input, model } };
    const done = this.#attempt(asked).finally(() => {
      this.#running.delete(number);
      this.#changed();
    });
    this.#running.set(number, { model, done });
  }

  async #attempt(question: BatchQuestion): Promise<void> {
    const { client: asks, retries = DEFAULT_RETRIES, random = Math.random } = this.#options;
    const wait = (ms: number): Promise<void> => this.#wait(ms);
    try {
      const result = await attempt(question, { asks, room: this.#room, retries, random, wait, signal: this.#signal });
      if (result !== undefined) this.#ended(result);
    } catch (error) {
      this.#fail(error);
    }
  }

  #ended(result: BatchResult): void {
    this.#results.push(result);
    this.#changed();
  }

  /** The first error ends the batch; those that follow from it say nothing new. */
  #fail(error: unknown): void {
    this.#failure ??= { error: ShoalError.from(error) };
    this.#cancellation.cancel();
    this.#changed();
  }

  #peersChanged(): void {
    this.#room.look();
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }

  #wait(ms: number): Promise<void> {
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
