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

  /** Answers one request: exactly one terminal event leaves, whatever happens. */
  answer(exchange: Exchange): void {
    try {
      if (this.#isDraining) throw new ShoalError('OVERLOADED', 'This node is shutting down.');
      this.#checkModel(exchange.request.model);
      const place = this.#admission.admit((lease) => this.#run(exchange, lease));
      if (place === undefined) return;
      exchange.onAbort(() => place.leave());
      void exchange.send({ type: 'queued', position: place.position });
    } catch (thrown) {
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

  #run(exchange: Exchange, lease: Lease): void {
    const running = serve(exchange, this.#options.engine, {
      maxTokens: this.#options.limits.maxTokens,
      speed: this.#speed,
      onError: this.#options.onError ?? (() => {}),
    }).finally(() => {
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
