import type { Engine } from '@shoal/engine';
import { type ModelInfo, type PeerStatus, ShoalError } from '@shoal/protocol';
import type { Exchange } from '@shoal/transport';
import { Admission, type Lease } from './admission.ts';
import { serve } from './serve.ts';
import { SpeedGauge } from './speed.ts';

/** What a lender allows to be asked of the machine. */
export interface LendingLimits {
  /** Generations that run at once; never more than the engine can. */
  readonly slots: number;
  /** Requests that wait at most. */
  readonly queue: number;
  /** Tokens that one answer has at most, whatever was asked for. */
  readonly maxTokens: number;
}

export interface WorkerOptions {
  readonly engine: Engine;
  readonly limits: LendingLimits;
  /** This machine's health now, 0 to 100. */
  readonly health: (queueSize: number, queueCapacity: number) => number;
  /** Called whenever `status()` has changed. */
  readonly onChange?: () => void;
  /** Causes that stay at home. */
  readonly onError?: (error: ShoalError) => void;
}

/** The lending side of a node: one engine behind one admission, whoever asks and through whatever door. */
export class Worker {
  readonly models: readonly ModelInfo[];
  readonly #options: WorkerOptions;
  readonly #admission: Admission;
  readonly #speed = new SpeedGauge();
  readonly #running = new Set<Promise<void>>();
  #isDraining = false;

  /** Loads the engine's models. Rejects with the engine's `ShoalError` where that fails. */
  static async create(options: WorkerOptions): Promise<Worker> {
    return new Worker(options, await options.engine.models());
  }

  private constructor(options: WorkerOptions, models: readonly ModelInfo[]) {
    this.#options = options;
    this.models = models;
    this.#admission = new Admission({
      slots: Math.min(options.limits.slots, options.engine.abilities.slots),
      queueCapacity: options.limits.queue,
      ...(options.onChange === undefined ? {} : { onChange: options.onChange }),
    });
  }

  get slots(): number {
    return this.#admission.slots;
  }

  get queueCapacity(): number {
    return this.#admission.queueCapacity;
  }

  status(): PeerStatus {
    const { active, queued, slots, queueCapacity } = this.#admission;
    const { tokensPerSecond } = this.#speed;
    return {
      health: this.#options.health(active + queued, slots + queueCapacity),
      active,
      queued,
      slots,
      ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
    };
  }

  /** Answers one request: exactly one terminal event leaves, whatever happens. Its deadline counts from here. */
  answer(exchange: Exchange): void {
    const abort = new AbortController();
    exchange.onAbort((why) => abort.abort(why));
    const stopClock = startDeadline(exchange, abort);
    try {
      if (this.#isDraining) throw new ShoalError('OVERLOADED', 'This node is shutting down.');
      this.#checkModel(exchange.request.model);
      const place = this.#admission.admit((lease) => this.#run(exchange, lease, abort.signal, stopClock));
      if (place === undefined) return;
      abort.signal.addEventListener('abort', () => {
        place.leave();
        stopClock();
      });
      void exchange.send({ type: 'queued', position: place.position });
    } catch (thrown) {
      stopClock();
      void exchange.send({ type: 'error', error: ShoalError.from(thrown) });
    }
  }

  /** Takes nothing new and waits for what runs, so long at most; then the engine is closed under what is left. */
  async close(drainMs: number): Promise<void> {
    this.#isDraining = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainMs);
    });
    await Promise.race([this.#drained(), patience]);
    clearTimeout(timer);
    await this.#options.engine.close();
    await this.#drained();
  }

  async #drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #run(exchange: Exchange, lease: Lease, signal: AbortSignal, stopClock: () => void): void {
    const running = serve(exchange, this.#options.engine, {
      maxTokens: this.#options.limits.maxTokens,
      speed: this.#speed,
      signal,
      onError: this.#options.onError ?? (() => {}),
    }).finally(() => {
      stopClock();
      this.#running.delete(running);
      lease.release();
    });
    this.#running.add(running);
  }

  #checkModel(model: string | undefined): void {
    if (model === undefined) return;
    if (this.models.some(({ id, digest }) => id === model || digest === model)) return;
    throw ShoalError.modelNotFound(
      model,
      this.models.map(({ id }) => id),
    );
  }
}

/** Ends the exchange and aborts when the request's deadline passes. Returns the way to stop waiting for that. */
function startDeadline(exchange: Exchange, abort: AbortController): () => void {
  const { deadlineMs } = exchange.request;
  if (deadlineMs === undefined) return () => {};
  const timer = setTimeout(() => {
    const error = ShoalError.deadlineExceeded();
    void exchange.send({ type: 'error', error });
    abort.abort(error);
  }, deadlineMs);
  return () => clearTimeout(timer);
}
