import type { ResidentModel } from '@shoal/engine';
import type { ModelDescription } from './messages.ts';

/** A timer of Node cannot wait longer. A model that is to stay longer stays without limit. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A model that the pool loads and unloads. */
export interface PooledModel {
  readonly id: string;
  /** The number of running requests. */
  readonly active: number;
  readonly isResident: boolean;
  /** Undefined until it was loaded once. */
  readonly known: ModelDescription | undefined;
  unload(): Promise<void>;
}

export interface ModelPoolOptions {
  readonly models: readonly PooledModel[];
  /** Returns the memory that a model will take that was never loaded. */
  readonly predictedBytes: (model: PooledModel) => number;
  /** The memory of all models together. A model that is larger is loaded alone. */
  readonly budgetBytes?: number | undefined;
  /** Milliseconds that a model stays after its last use, unless a use asks for another time. Default: without limit. */
  readonly keepAliveMs?: number | undefined;
}

interface PoolEntry {
  users: number;
  /** True while it is unloaded, which takes a moment. */
  isUnloading: boolean;
  /** A counter: the lowest value was used the longest ago. */
  usedAt: number;
  timer?: NodeJS.Timeout | undefined;
  /** Of the last use that asked for a time. Valid until the model is unloaded. */
  keepAliveMs?: number | undefined;
  unloadAt?: number | undefined;
}

/**
 * Ends a use of a model. `keepAliveMs`: milliseconds that the model stays after this and later uses, until one asks for another
 * time; negative: without limit.
 */
export type Leave = (keepAliveMs?: number) => void;

interface Waiter {
  readonly model: PooledModel;
  /** True when the first in the queue has been admitted to the same model. */
  isAdmitted: boolean;
}

/** Keeps models in memory: those in use, and the most recently used others that fit. */
export class ModelPool {
  readonly #options: ModelPoolOptions;
  readonly #entries: ReadonlyMap<PooledModel, PoolEntry>;
  readonly #waiting = new Set<() => void>();
  /** Requests that wait for a model, in order of arrival. */
  readonly #queue = new Set<Waiter>();
  #uses = 0;
  #isClosed = false;

  constructor(options: ModelPoolOptions) {
    this.#options = options;
    this.#entries = new Map(options.models.map((model) => [model, { users: 0, usedAt: 0, isUnloading: false }]));
  }

  /**
   * Waits until a model may be loaded, and unloads others for it, the least recently used first. First come, first served,
   * so that a busy model does not block another one forever; requests that wait for the same model enter together.
   * Returns the function that ends the use, or undefined if the signal aborted or the pool was closed.
   */
  async enter(model: PooledModel, signal: AbortSignal): Promise<Leave | undefined> {
    const waiter: Waiter = { model, isAdmitted: false };
    this.#queue.add(waiter);
    try {
      while (!this.#isClosed && !signal.aborted) {
        const [first] = this.#queue;
        const isFirst = first === waiter;
        if ((isFirst || waiter.isAdmitted) && this.#fits(model)) {
          if (isFirst) this.#admit(model);
          return this.#use(model);
        }
        const isUnloading = this.#entries.get(model)?.isUnloading === true;
        const idle = isFirst && !isUnloading ? this.#oldestIdle(model) : undefined;
        if (idle === undefined) await this.#change(signal);
        else await this.#unload(...idle);
      }
      return undefined;
    } finally {
      this.#queue.delete(waiter);
      this.#changed();
    }
  }

  list(): ResidentModel[] {
    return this.#options.models
      .filter((model) => model.isResident)
      .map((model) => {
        const { known } = model;
        const unloadAt = this.#entries.get(model)?.unloadAt;
        return {
          id: model.id,
          active: model.active,
          ...(known !== undefined && {
            digest: known.digest,
            memoryBytes: known.memoryBytes,
            device: known.device,
            contextLength: known.contextLength,
          }),
          ...(unloadAt !== undefined && { leavesInMs: Math.max(0, Math.round(unloadAt - performance.now())) }),
        };
      });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const entry of this.#entries.values()) clearTimeout(entry.timer);
    this.#changed();
  }

  #admit(model: PooledModel): void {
    for (const waiter of this.#queue) if (waiter.model === model) waiter.isAdmitted = true;
  }

  #fits(model: PooledModel): boolean {
    const { budgetBytes = Infinity } = this.#options;
    if (this.#entries.get(model)?.isUnloading === true) return false;
    const others = this.#options.models.filter((other) => other !== model && this.#isHeld(other));
    const bytes = others.reduce((sum, other) => sum + this.#bytes(other), this.#bytes(model));
    return others.length === 0 || bytes <= budgetBytes;
  }

  #isHeld(model: PooledModel): boolean {
    const { users = 0, isUnloading = false } = this.#entries.get(model) ?? {};
    return model.isResident || isUnloading || users > 0;
  }

  #bytes(model: PooledModel): number {
    return model.known?.memoryBytes ?? this.#options.predictedBytes(model);
  }

  #oldestIdle(wanted: PooledModel): [PooledModel, PoolEntry] | undefined {
    return [...this.#entries]
      .filter(([model, { users, isUnloading }]) => model !== wanted && users === 0 && !isUnloading && model.isResident)
      .toSorted(([, one], [, other]) => one.usedAt - other.usedAt)
      .at(0);
  }

  /** Unloads a model. It keeps its memory, and cannot be used, until that is done. */
  async #unload(model: PooledModel, entry: PoolEntry): Promise<void> {
    entry.isUnloading = true;
    delete entry.keepAliveMs;
    try {
      await model.unload();
    } finally {
      entry.isUnloading = false;
      this.#changed();
    }
  }

  #use(model: PooledModel): Leave {
    const entry = this.#entries.get(model) ?? { users: 0, usedAt: 0, isUnloading: false };
    entry.users++;
    entry.usedAt = ++this.#uses;
    clearTimeout(entry.timer);
    delete entry.timer;
    delete entry.unloadAt;
    return (keepAliveMs) => {
      entry.users--;
      if (keepAliveMs !== undefined) entry.keepAliveMs = keepAliveMs;
      if (entry.users === 0) this.#scheduleUnload(model, entry);
      this.#changed();
    };
  }

  #scheduleUnload(model: PooledModel, entry: PoolEntry): void {
    const { keepAliveMs = this.#options.keepAliveMs ?? Infinity } = entry;
    if (keepAliveMs < 0 || keepAliveMs > MAX_TIMER_MS || this.#isClosed) return;
    entry.unloadAt = performance.now() + keepAliveMs;
    entry.timer = setTimeout(() => {
      delete entry.unloadAt;
      void this.#unload(model, entry);
    }, keepAliveMs).unref();
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
