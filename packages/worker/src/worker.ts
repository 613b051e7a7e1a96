import type { Engine } from '@shoal/engine';
import {
  checkAbilities,
  type InferenceRequest,
  isNamed,
  type ModelInfo,
  type PeerStatus,
  ShoalError,
} from '@shoal/protocol';
import type { Exchange } from '@shoal/transport';
import type { Load } from './admission.ts';
import { type DoorPolicy, type QueueHandle, type RequestObserver, type Outcomes, Scheduler } from './scheduler.ts';

/** What a lender allows to be asked of the machine. */
export interface LendingLimits {
  /** Generations that run at once; never more than the engine can. */
  readonly slots: number;
  /** Requests of shoal/1 and OpenGateway peers that wait at most. */
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
  readonly onChange?: (() => void) | undefined;
  /** Causes that stay at home. */
  readonly onError?: ((error: ShoalError) => void) | undefined;
}

/** One door's way to a worker's engine. */
export interface WorkerQueue {
  /** Of this door alone. */
  readonly load: Load;
  readonly outcomes: Outcomes;
  /** Exactly one terminal event leaves, whatever happens. */
  answer(exchange: Exchange, observer?: RequestObserver): void;
}

/** The lending side of a node: one engine behind one scheduler, whoever asks and through whatever door. */
export class Worker {
  readonly models: readonly ModelInfo[];
  /** For doors that bring an engine of their own. */
  readonly scheduler: Scheduler;
  readonly queueCapacity: number;
  /** The queue of the clusters, with the lender's limits. Other doors open queues of their own. */
  readonly queue: WorkerQueue;
  readonly #options: WorkerOptions;

  /** Loads the engine's models. Rejects with the engine's `ShoalError` where that fails. */
  static async create(options: WorkerOptions): Promise<Worker> {
    return new Worker(options, await options.engine.models());
  }

  private constructor(options: WorkerOptions, models: readonly ModelInfo[]) {
    const { engine, limits, onChange, onError } = options;
    this.#options = options;
    this.models = models;
    this.queueCapacity = limits.queue;
    this.scheduler = new Scheduler({
      slots: Math.min(limits.slots, engine.abilities.slots),
      onChange,
      onError,
    });
    this.queue = this.openQueue();
  }

  get slots(): number {
    return this.scheduler.slots;
  }

  status(): PeerStatus {
    const { slots, queueCapacity } = this;
    const { active, queued } = this.scheduler.load;
    const { tokensPerSecond } = this.scheduler.speed;
    return {
      health: this.#options.health(active + queued, slots + queueCapacity),
      active,
      queued,
      slots,
      tokensPerSecond,
    };
  }

  /** Opens a queue. Default: within the lender's limits. All queues share the engine's slots. */
  openQueue(policy: Partial<DoorPolicy> = {}): WorkerQueue {
    const { queue: waiting, maxTokens } = this.#options.limits;
    const queue = this.scheduler.openQueue({ running: Infinity, waiting, maxTokens, ...policy });
    return {
      get load() {
        return queue.load;
      },
      get outcomes() {
        return queue.outcomes;
      },
      answer: (exchange, observer) => this.#answer(queue, exchange, observer),
    };
  }

  /** Takes nothing new and waits for what runs, so long at most; then the engine is closed under what is left. */
  async close(drainMs: number): Promise<void> {
    await this.scheduler.drain(drainMs);
    await this.#options.engine.close();
    await this.scheduler.drained();
  }

  #answer(queue: QueueHandle, exchange: Exchange, observer?: RequestObserver): void {
    // What no turn would help waits for none.
    const refusal = refusalOf(exchange.request, this.models);
    if (refusal !== undefined) return queue.refuse(exchange, refusal, observer);
    queue.answer(exchange, () => this.#options.engine, observer);
  }
}

/** Why none of the models can answer, whatever the engine does; undefined where one may. */
function refusalOf(request: InferenceRequest, models: readonly ModelInfo[]): ShoalError | undefined {
  const { model: name } = request;
  const model = name === undefined ? models[0] : models.find((one) => isNamed(one, name));
  if (model === undefined) {
    if (name === undefined) return undefined;
    const known = models.map(({ id }) => id);
    return ShoalError.modelNotFound(name, known);
  }
  const { contextLength = Infinity } = model;
  const tokens = tokensOf(request);
  if (tokens > contextLength) return ShoalError.contextExceeded(tokens, contextLength);
  try {
    checkAbilities(model, request);
    return undefined;
  } catch (thrown) {
    return ShoalError.from(thrown);
  }
}

/** How many tokens the model has to read at least: what text becomes only its engine can tell. */
function tokensOf({ input, resume }: InferenceRequest): number {
  return input.type === 'tokens' ? input.tokens.length + (resume?.tokens.length ?? 0) : 0;
}
