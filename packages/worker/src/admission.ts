import { ShoalError } from '@shoal/protocol/error';

/** The retry hint of a full queue. */
const RETRY_AFTER_MS = 1_000;

/** The right to run one generation. */
export interface Lease {
  /** Returns the lease. Further calls do nothing. */
  release(): void;
}

/** A request that waits for its lease. */
export interface Place {
  /** 1: the next to run. */
  readonly position: number;
  /** Leaves the queue. Returns false if the request had left already or has its lease. */
  leave(): boolean;
}

/** The number of requests in one queue or in all of them. */
export interface QueueLoad {
  /** Running requests. */
  readonly active: number;
  /** Waiting requests. */
  readonly queued: number;
}

/** The limits of one queue. */
export interface QueuePolicy {
  /** The most requests that run at once. The number of slots is a limit too. */
  readonly running: number;
  /** The most requests that wait. */
  readonly waiting: number;
  /** Throws to refuse a request. `own` is the load of this queue, `all` the load of all queues together. */
  refuse?(own: QueueLoad, all: QueueLoad): void;
}

export interface AdmissionOptions {
  /** The most generations that run at once, of all queues together. */
  readonly slots: number;
  /** Called after every change of `active` or `queued`. */
  readonly onChange?: (() => void) | undefined;
}

interface WaitingRequest {
  readonly queue: Queue;
  readonly granted: (lease: Lease) => void;
}

/**
 * Decides at once if a request runs, waits at a position, or is refused. Each queue has its own policy, and all queues share
 * the slots: first in, first out. A request that its queue's policy does not let run yet does not block requests of others.
 */
export class Admission {
  readonly slots: number;
  readonly #onChange: () => void;
  readonly #waiting = new Set<WaitingRequest>();
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

  /** Grants the returned lease to the first waiting request that may run. */
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
  readonly load: () => QueueLoad;
  readonly admit: (queue: Queue, granted: (lease: Lease) => void) => Place | undefined;
}

/** One queue for the slots. `active` and `queued` count its own requests, and only `Admission` changes them. */
class Queue implements QueueLoad {
  readonly policy: QueuePolicy;
  readonly #owner: QueueOwner;
  active = 0;
  queued = 0;

  constructor(policy: QueuePolicy, owner: QueueOwner) {
    this.policy = policy;
    this.#owner = owner;
  }

  /**
   * Calls `granted` with a lease: during this call if the request may run, otherwise later, and returns its place. Throws
   * `QUEUE_FULL`, or the error of the policy.
   */
  admit(granted: (lease: Lease) => void): Place | undefined {
    this.policy.refuse?.(this, this.#owner.load());
    return this.#owner.admit(this, granted);
  }
}

export type { Queue };
