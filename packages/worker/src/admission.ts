import { ShoalError } from '@shoal/protocol';

/** What a full queue tells whoever asks: when trying again may be worth it. */
const RETRY_AFTER_MS = 1_000;

/** The right to run one generation. */
export interface Lease {
  /** Gives it back; further calls do nothing. */
  release(): void;
}

/** A request that waits for its lease. */
export interface Place {
  /** 1 is next. */
  readonly position: number;
  /** Leaves the queue; does nothing once the lease was granted. */
  leave(): void;
}

export interface AdmissionOptions {
  /** Generations that run at once. */
  readonly slots: number;
  /** Requests that wait at most. */
  readonly queueCapacity: number;
  /** Called after every change of `active` or `queued`. */
  readonly onChange?: () => void;
}

/** Decides at once about each request: it runs, it waits at a position, or it is refused. First in, first out. */
export class Admission {
  readonly slots: number;
  readonly queueCapacity: number;
  readonly #onChange: () => void;
  readonly #waiting = new Set<(lease: Lease) => void>();
  #active = 0;

  constructor(options: AdmissionOptions) {
    this.slots = options.slots;
    this.queueCapacity = options.queueCapacity;
    this.#onChange = options.onChange ?? (() => {});
  }

  get active(): number {
    return this.#active;
  }

  get queued(): number {
    return this.#waiting.size;
  }

  /**
   * Calls `granted` with a lease: within this call where a slot is free, later where the answer is a place in the queue.
   * Throws `QUEUE_FULL`.
   */
  admit(granted: (lease: Lease) => void): Place | undefined {
    if (this.#active < this.slots) {
      this.#grant(granted);
      return undefined;
    }
    if (this.#waiting.size >= this.queueCapacity) {
      throw new ShoalError('QUEUE_FULL', `All ${this.slots} slots are taken and ${this.queueCapacity} requests wait.`, {
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    // A function of its own, so that each place in the set is one request even if `granted` is shared.
    const grant = (lease: Lease): void => granted(lease);
    this.#waiting.add(grant);
    this.#onChange();
    const leave = (): void => {
      if (this.#waiting.delete(grant)) this.#onChange();
    };
    return { position: this.#waiting.size, leave };
  }

  #grant(granted: (lease: Lease) => void): void {
    this.#active += 1;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#active -= 1;
      const [next] = this.#waiting;
      if (next === undefined) return this.#onChange();
      this.#waiting.delete(next);
      this.#grant(next);
    };
    this.#onChange();
    granted({ release });
  }
}
