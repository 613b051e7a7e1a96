import type { ResidentModel } from '../engine.ts';
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
  readonly budgetBytes?: number;
  /** How long a model stays after its last use. */
  readonly keepAliveMs?: number;
}

interface Stay {
  users: number;
  /** Counts up with each use: the least was used the longest ago. */
  usedAt: number;
  timer?: NodeJS.Timeout;
  leavesAt?: number;
}

/** Decides which models are in memory: those in use, and of the others the latest that fit. */
export class Residency {
  readonly #options: ResidencyOptions;
  readonly #stays: ReadonlyMap<Lodger, Stay>;
  readonly #waiting = new Set<() => void>();
  #uses = 0;
  #isClosed = false;

  constructor(options: ResidencyOptions) {
    this.#options = options;
    this.#stays = new Map(options.lodgers.map((lodger) => [lodger, { users: 0, usedAt: 0 }]));
  }

  /**
   * Makes room for a model; those used the longest ago leave first. Returns the way to say that it is no longer used, or
   * undefined where the signal, or the end of all, came first.
   */
  async enter(lodger: Lodger, signal: AbortSignal): Promise<(() => void) | undefined> {
    while (!this.#isClosed && !signal.aborted) {
      if (this.#fits(lodger)) return this.#use(lodger);
      const idle = this.#oldestIdle(lodger);
      if (idle === undefined) await this.#change(signal);
      else await idle.unload();
    }
    return undefined;
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

  #fits(lodger: Lodger): boolean {
    const { budgetBytes = Infinity } = this.#options;
    const others = this.#options.lodgers.filter((other) => other !== lodger && this.#isHeld(other));
    const bytes = others.reduce((sum, other) => sum + this.#bytes(other), this.#bytes(lodger));
    return others.length === 0 || bytes <= budgetBytes;
  }

  #isHeld(lodger: Lodger): boolean {
    return lodger.isResident || (this.#stays.get(lodger)?.users ?? 0) > 0;
  }

  #bytes(lodger: Lodger): number {
    return lodger.known?.memoryBytes ?? this.#options.predictedBytes(lodger);
  }

  #oldestIdle(wanted: Lodger): Lodger | undefined {
    return [...this.#stays]
      .filter(([lodger, { users }]) => lodger !== wanted && users === 0 && lodger.isResident)
      .toSorted(([, one], [, other]) => one.usedAt - other.usedAt)
      .at(0)?.[0];
  }

  #use(lodger: Lodger): () => void {
    const stay = this.#stays.get(lodger) ?? { users: 0, usedAt: 0 };
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
      void lodger.unload();
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
