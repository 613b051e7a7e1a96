import type { Engine } from '@shoal/engine';
import { checkAbilities, isNamed, type ModelInfo, type PeerStatus } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { Exchange } from '@shoal/transport';
import type { QueueLoad } from './admission.ts';
import {
  type DoorPolicy,
  type EndedRequest,
  type QueueHandle,
  type RequestObserver,
  type Outcomes,
  Scheduler,
} from './scheduler.ts';

/** Requests of the node itself that wait, beside those of peers. Each is a call of a program on this machine. */
const OWN_QUEUE_MAX = 1_024;

/** The limits that a lender sets. */
export interface LendingLimits {
  /** The most generations that run at once. The engine's slots are a limit too. */
  readonly slots: number;
  /** The most requests of shoal/1 and OpenGateway peers that wait. */
  readonly queue: number;
  /** The most tokens of one answer. */
  readonly maxTokens: number;
}

export interface WorkerOptions {
  readonly engine: Engine;
  readonly limits: LendingLimits;
  /** Returns this machine's current health, 0 to 100. */
  readonly health: (queueSize: number, queueCapacity: number) => number;
  /** Called when `status()` has changed. */
  readonly onChange?: (() => void) | undefined;
  /** Receives errors with their causes, which are not sent to peers. */
  readonly onError?: ((error: ShoalError) => void) | undefined;
  /** Called at the end of each request of a peer. */
  readonly onEnd?: ((ended: EndedRequest) => void) | undefined;
}

/** One door's queue for a worker's engine. */
export interface WorkerQueue {
  /** The load of this queue alone. */
  readonly load: QueueLoad;
  readonly outcomes: Outcomes;
  /** Answers one request with exactly one terminal event. */
  answer(exchange: Exchange, observer?: RequestObserver): void;
}

/** The lending side of a node: one engine behind one scheduler, for the requests of all doors. */
export class Worker {
  readonly models: readonly ModelInfo[];
  /** Used by doors that have an engine of their own. */
  readonly scheduler: Scheduler;
  readonly queueCapacity: number;
  /** The queue of the clusters, with the lender's limits. Other doors open queues of their own. */
  readonly queue: WorkerQueue;
  /** The queue of the node's own requests, without the lender's limits on answers. */
  readonly ownQueue: WorkerQueue;
  readonly #options: WorkerOptions;

  /** Reads the engine's models. Rejects with the engine's `ShoalError` if that fails. */
  static async create(options: WorkerOptions): Promise<Worker> {
    return new Worker(options, await options.engine.models());
  }

  private constructor(options: WorkerOptions, models: readonly ModelInfo[]) {
    const { engine, limits, onChange, onError, onEnd } = options;
    this.#options = options;
    this.models = models;
    this.queueCapacity = limits.queue;
    this.scheduler = new Scheduler({
      slots: Math.min(limits.slots, engine.abilities.slots),
      onChange,
      onError,
      onEnd,
    });
    this.queue = this.openQueue({ door: 'clusters' });
    this.ownQueue = this.openQueue({ waiting: OWN_QUEUE_MAX, maxTokens: Infinity, obeysKeepAlive: true });
  }

  get slots(): number {
    return this.scheduler.slots;
  }

  /** The ids of models that cannot answer now. */
  get unavailable(): readonly string[] {
    return this.#options.engine.unavailable?.() ?? [];
  }

  /** False while the process of every model has failed and is started again. */
  get canAnswer(): boolean {
    return this.models.length === 0 || this.unavailable.length < this.models.length;
  }

  status(): PeerStatus {
    const { slots, queueCapacity } = this;
    const { active, queued } = this.scheduler.load;
    const { tokensPerSecond } = this.scheduler.speed;
    const { unavailable } = this;
    return {
      // Peers that do not know `unavailable` ask a node without health last among equals.
      health: this.canAnswer ? this.#options.health(active + queued, slots + queueCapacity) : 0,
      active,
      queued,
      slots,
      tokensPerSecond,
      ...(unavailable.length > 0 && { unavailable }),
    };
  }

  /** Opens a queue. Default policy: the lender's limits. All queues share the engine's slots. */
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

  /** Refuses new requests, waits at most `drainMs` for running ones, and then closes the engine, which ends the rest. */
  async close(drainMs: number): Promise<void> {
    await this.scheduler.drain(drainMs);
    await this.#options.engine.close();
    await this.scheduler.drained();
  }

  #answer(queue: QueueHandle, exchange: Exchange, observer?: RequestObserver): void {
    // A request that no model can answer is refused before it waits.
    const error = requestError(exchange.request, this.models);
    if (error !== undefined) return queue.refuse(exchange, error, observer);
    queue.answer(exchange, () => this.#options.engine, observer);
  }
}

/** Returns the error if none of the models can answer the request, or undefined. */
function requestError(request: InferenceRequest, models: readonly ModelInfo[]): ShoalError | undefined {
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

/** Returns the least number of tokens that the model must read. Only the engine can count the tokens of text. */
function tokensOf({ input, resume }: InferenceRequest): number {
  return input.type === 'tokens' ? input.tokens.length + (resume?.tokens.length ?? 0) : 0;
}
