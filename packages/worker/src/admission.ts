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
  /** Leaves the queue. False where it had left already, or its lease was granted. */
  leave(): boolean;
}

export interface Load {
  /** Requests that run. */
  readonly active: number;
  /** Requests that wait. */
  readonly queued: number;
}

/** How one door lets requests in. */
export interface QueuePolicy {
  /** Its requests that run at once; never more than there are slots. */
  readonly running: number;
  /** Its requests that wait at most. */
  readonly waiting: number;
  /** Throws what refuses a request right now: `own` is this door's load, `all` that of every door together. */
  refuse?(own: Load, all: Load): void;
}

export interface AdmissionOptions {
  /** Generations that run at once, whatever door they came through. */
  readonly slots: number;
  /** Called after every change of `active` or `queued`. */
  readonly onChange?: (() => void) | undefined;
}

interface Waiting {
  readonly queue: Queue;
  readonly granted: (lease: Lease) => void;
}

/**
 * Decides at once about each request: it runs, it waits at a position, or it is refused. Every door has a queue with its
 * own policy, and all of them share the slots: first in, first out, but who may not run yet holds nobody else up.
 */
export class Admission {
  readonly slots: number;
  readonly #onChange: () => void;
  readonly #waiting = new Set<Waiting>();
  #active = 0;

  constructor(options: AdmissionOptions) {
    this.slots = options.slots;
    this.#onChange = options.onChange ?? (() => {});
  }

  get active(): number {
    return this.#active;
  }

  get queued(): number {
    return this.#waiting.size;
  }

  queue(policy: QueuePolicy): Queue {
    return new Queue(policy, {
      load: () => ({ active: this.#active, queued: this.queued }),
      admit: (queue, granted) => this.#admit(queue, granted),
    });
  }

  #admit(queue: Queue, granted: (lease: Lease) => void): Place | undefined {
    if (this.#hasRoomFor(queue)) {
      this.#grant(queue, granted);
      return undefined;
    }
    const { running, waiting } = queue.policy;
    if (queue.queued >= waiting) {
      const slots = Math.min(this.slots, running);
      throw new ShoalError('QUEUE_FULL', `All ${slots} slots are taken and ${waiting} requests wait.`, {
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    const entry = { queue, granted };
    this.#waiting.add(entry);
    queue.queued += 1;
    this.#onChange();
    const leave = (): boolean => {
      if (!this.#waiting.delete(entry)) return false;
      queue.queued -= 1;
      this.#onChange();
      return true;
    };
    return { position: this.#waiting.size, leave };
  }

  #hasRoomFor(queue: Queue): boolean {
    return this.#active < this.slots && queue.active < queue.policy.running;
  }

  #grant(queue: Queue, granted: (lease: Lease) => void): void {
    this.#active += 1;
    queue.active += 1;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#active -= 1;
      queue.active -= 1;
      this.#grantNext();
    };
    this.#onChange();
    granted({ release });
  }

  /** One lease came back, so at most one request more can run: the first that may. */
  #grantNext(): void {
    for (const next of this.#waiting) {
      if (!this.#hasRoomFor(next.queue)) continue;
      this.#waiting.delete(next);
      next.queue.queued -= 1;
      return this.#grant(next.queue, next.granted);
    }
    this.#onChange();
  }
}

interface QueueOwner {
  readonly load: () => Load;
  readonly admit: (queue: Queue, granted: (lease: Lease) => void) => Place | undefined;
}

/** One door's way to the slots. `active` and `queued` are its own; only `Admission` changes them. */
class Queue implements Load {
  readonly policy: QueuePolicy;
  readonly #owner: QueueOwner;
  active = 0;
  queued = 0;

  constructor(policy: QueuePolicy, owner: QueueOwner) {
    this.policy = policy;
    this.#owner = owner;
  }

  /**
   * Calls `granted` with a lease: within this call where it may run, later where the answer is a place in the queue. Throws
   * `QUEUE_FULL`, or what the policy refuses with.
   */
  admit(granted: (lease: Lease) => void): Place | undefined {
    this.policy.refuse?.(this, this.#owner.load());
    return this.#owner.admit(this, granted);
  }
}

export type { Queue };
