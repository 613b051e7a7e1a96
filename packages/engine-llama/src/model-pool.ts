import type { ResidentModel } from '@shoal/engine';
import type { LoadedModel } from './messages.ts';

/** A model that can be in memory, or not. */
export interface Lodger {
  readonly id: string;
  /** Requests that it works on. */
  readonly active: number;
  readonly isResident: boolean;
  /** Undefined until it was in memory once. */
  readonly known: LoadedModel | undefined;
  unload(): Promise<void>;
}

export interface ResidencyOptions {
  readonly lodgers: readonly Lodger[];
  /** What a model that was never loaded will take. */
  readonly predictedBytes: (lodger: Lodger) => number;
  /** What all of them may take together; a model that alone takes more is alone in memory. */
  readonly budgetBytes?: number | undefined;
  /** How long a model stays after its last use. */
  readonly keepAliveMs?: number | undefined;
}

interface Stay {
  users: number;
  /** It gives its memory back, which takes a moment. */
  isLeaving: boolean;
  /** Counts up with each use: the least was used the longest ago. */
  usedAt: number;
  timer?: NodeJS.Timeout | undefined;
  leavesAt?: number | undefined;
}

interface Place {
  readonly lodger: Lodger;
  /** The one in front was let in to the same model. */
  isCalled: boolean;
}

/** Decides which models are in memory: those in use, and of the others the latest that fit. */
export class Residency {
  readonly #options: ResidencyOptions;
  readonly #stays: ReadonlyMap<Lodger, Stay>;
  readonly #waiting = new Set<() => void>();
  /** Those that want to enter, in the order in which they came. */
  readonly #queue = new Set<Place>();
  #uses = 0;
  #isClosed = false;

  constructor(options: ResidencyOptions) {
    this.#options = options;
    this.#stays = new Map(options.lodgers.map((lodger) => [lodger, { users: 0, usedAt: 0, isLeaving: false }]));
  }

  /**
   * Makes room for a model; those used the longest ago leave first. First come, first served, so that a model
   * that is asked for all the time does not keep another one out for ever; with the first enter those that wait for the
   * same model already. Returns the way to say that it is no longer used, or
   * undefined where the signal, or the end of all, came first.
   */
  async enter(lodger: Lodger, signal: AbortSignal): Promise<(() => void) | undefined> {
    const place: Place = { lodger, isCalled: false };
    this.#queue.add(place);
    try {
      while (!this.#isClosed && !signal.aborted) {
        const [first] = this.#queue;
        const isFirst = first === place;
        if ((isFirst || place.isCalled) && this.#fits(lodger)) {
          if (isFirst) this.#call(lodger);
          return this.#use(lodger);
        }
        const idle = isFirst ? this.#oldestIdle(lodger) : undefined;
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
    return this.#options.lodgers
      .filter((lodger) => lodger.isResident)
      .map((lodger) => {
        const { known } = lodger;
        const leavesAt = this.#stays.get(lodger)?.leavesAt;
        return {
          id: lodger.id,
          active: lodger.active,
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

  #call(lodger: Lodger): void {
    for (const place of this.#queue) if (place.lodger === lodger) place.isCalled = true;
  }

  #fits(lodger: Lodger): boolean {
    const { budgetBytes = Infinity } = this.#options;
    if (this.#stays.get(lodger)?.isLeaving === true) return false;
    const others = this.#options.lodgers.filter((other) => other !== lodger && this.#isHeld(other));
    const bytes = others.reduce((sum, other) => sum + this.#bytes(other), this.#bytes(lodger));
    return others.length === 0 || bytes <= budgetBytes;
  }

  #isHeld(lodger: Lodger): boolean {
    const { users = 0, isLeaving = false } = this.#stays.get(lodger) ?? {};
    return lodger.isResident || isLeaving || users > 0;
  }

  #bytes(lodger: Lodger): number {
    return lodger.known?.memoryBytes ?? this.#options.predictedBytes(lodger);
  }

  #oldestIdle(wanted: Lodger): [Lodger, Stay] | undefined {
    return [...this.#stays]
      .filter(([lodger, { users, isLeaving }]) => lodger !== wanted && users === 0 && !isLeaving && lodger.isResident)
      .toSorted(([, one], [, other]) => one.usedAt - other.usedAt)
      .at(0);
  }

  /** Until it is gone its memory is taken, and nobody starts it anew. */
  async #putDown(lodger: Lodger, stay: Stay): Promise<void> {
    stay.isLeaving = true;
    try {
      await lodger.unload();
    } finally {
      stay.isLeaving = false;
      this.#changed();
    }
  }

  #use(lodger: Lodger): () => void {
    const stay = this.#stays.get(lodger) ?? { users: 0, usedAt: 0, isLeaving: false };
    stay.users++;
    stay.usedAt = ++this.#uses;
    clearTimeout(stay.timer);
    delete stay.timer;
    delete stay.leavesAt;
    return () => {
      stay.users--;
      if (stay.users === 0) this.#startToLeave(lodger, stay);
      this.#changed();
    };
  }

  #startToLeave(lodger: Lodger, stay: Stay): void {
    const { keepAliveMs = Infinity } = this.#options;
    if (keepAliveMs === Infinity || this.#isClosed) return;
    stay.leavesAt = performance.now() + keepAliveMs;
    stay.timer = setTimeout(() => {
      delete stay.leavesAt;
      void this.#putDown(lodger, stay);
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
