import type { ResidentModel } from '@shoal/engine';
import type { ModelDescription } from './messages.ts';

/** A model that can be in memory, or not. */
export interface PooledModel {
  readonly id: string;
  /** Requests that it works on. */
  readonly active: number;
  readonly isResident: boolean;
  /** Undefined until it was in memory once. */
  readonly known: ModelDescription | undefined;
  unload(): Promise<void>;
}

export interface ModelPoolOptions {
  readonly models: readonly PooledModel[];
  /** What a model that was never loaded will take. */
  readonly predictedBytes: (model: PooledModel) => number;
  /** What all of them may take together; a model that alone takes more is alone in memory. */
  readonly budgetBytes?: number | undefined;
  /** How long a model stays after its last use. */
  readonly keepAliveMs?: number | undefined;
}

interface PoolEntry {
  users: number;
  /** It gives its memory back, which takes a moment. */
  isLeaving: boolean;
  /** Counts up with each use: the least was used the longest ago. */
  usedAt: number;
  timer?: NodeJS.Timeout | undefined;
  leavesAt?: number | undefined;
}

interface Place {
  readonly model: PooledModel;
  /** The one in front was let in to the same model. */
  isCalled: boolean;
}

/** Decides which models are in memory: those in use, and of the others the latest that fit. */
export class ModelPool {
  readonly #options: ModelPoolOptions;
  readonly #stays: ReadonlyMap<PooledModel, PoolEntry>;
  readonly #waiting = new Set<() => void>();
  /** Those that want to enter, in the order in which they came. */
  readonly #queue = new Set<Place>();
  #uses = 0;
  #isClosed = false;

  constructor(options: ModelPoolOptions) {
    this.#options = options;
    this.#stays = new Map(options.models.map((model) => [model, { users: 0, usedAt: 0, isLeaving: false }]));
  }

  /**
   * Makes room for a model; those used the longest ago leave first. First come, first served, so that a model
   * that is asked for all the time does not keep another one out for ever; with the first enter those that wait for the
   * same model already. Returns the way to say that it is no longer used, or
   * undefined where the signal, or the end of all, came first.
   */
  async enter(model: PooledModel, signal: AbortSignal): Promise<(() => void) | undefined> {
    const place: Place = { model, isCalled: false };
    this.#queue.add(place);
    try {
      while (!this.#isClosed && !signal.aborted) {
        const [first] = this.#queue;
        const isFirst = first === place;
        if ((isFirst || place.isCalled) && this.#fits(model)) {
          if (isFirst) this.#call(model);
          return this.#use(model);
        }
        const idle = isFirst ? this.#oldestIdle(model) : undefined;
        if (idle === undefined) await this.#change(signal);
        else await this.#putDown(...idle);
      }
      return undefined;
    } finally {
      this.#queue.delete(place);
      this.#changed();
    }
  }

  list(): ResidentModel[] {
    return this.#options.models
      .filter((model) => model.isResident)
      .map((model) => {
        const { known } = model;
        const leavesAt = this.#stays.get(model)?.leavesAt;
        return {
          id: model.id,
          active: model.active,
          ...(known !== undefined && {
            digest: known.digest,
            memoryBytes: known.memoryBytes,
            device: known.device,
            contextLength: known.contextLength,
          }),
          ...(leavesAt !== undefined && { leavesInMs: Math.max(0, Math.round(leavesAt - performance.now())) }),
        };
      });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stay of this.#stays.values()) clearTimeout(stay.timer);
    this.#changed();
  }

  #call(model: PooledModel): void {
    for (const place of this.#queue) if (place.model === model) place.isCalled = true;
  }

  #fits(model: PooledModel): boolean {
    const { budgetBytes = Infinity } = this.#options;
    if (this.#stays.get(model)?.isLeaving === true) return false;
    const others = this.#options.models.filter((other) => other !== model && this.#isHeld(other));
    const bytes = others.reduce((sum, other) => sum + this.#bytes(other), this.#bytes(model));
    return others.length === 0 || bytes <= budgetBytes;
  }

  #isHeld(model: PooledModel): boolean {
    const { users = 0, isLeaving = false } = this.#stays.get(model) ?? {};
    return model.isResident || isLeaving || users > 0;
  }

  #bytes(model: PooledModel): number {
    return model.known?.memoryBytes ?? this.#options.predictedBytes(model);
  }

  #oldestIdle(wanted: PooledModel): [PooledModel, PoolEntry] | undefined {
    return [...this.#stays]
      .filter(([model, { users, isLeaving }]) => model !== wanted && users === 0 && !isLeaving && model.isResident)
      .toSorted(([, one], [, other]) => one.usedAt - other.usedAt)
      .at(0);
  }

  /** Until it is gone its memory is taken, and nobody starts it anew. */
  async #putDown(model: PooledModel, stay: PoolEntry): Promise<void> {
    stay.isLeaving = true;
    try {
      await model.unload();
    } finally {
      stay.isLeaving = false;
      this.#changed();
    }
  }

  #use(model: PooledModel): () => void {
    const stay = this.#stays.get(model) ?? { users: 0, usedAt: 0, isLeaving: false };
    stay.users++;
    stay.usedAt = ++this.#uses;
    clearTimeout(stay.timer);
    delete stay.timer;
    delete stay.leavesAt;
    return () => {
      stay.users--;
      if (stay.users === 0) this.#startToLeave(model, stay);
      this.#changed();
    };
  }

  #startToLeave(model: PooledModel, stay: PoolEntry): void {
    const { keepAliveMs = Infinity } = this.#options;
    if (keepAliveMs === Infinity || this.#isClosed) return;
    stay.leavesAt = performance.now() + keepAliveMs;
    stay.timer = setTimeout(() => {
      delete stay.leavesAt;
      void this.#putDown(model, stay);
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
