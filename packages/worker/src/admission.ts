import { ShoalError } from '@shoal/protocol/error';

/** The retry hint of a full queue. */
const RETRY_AFTER_MS = 1_000;
/** Waiting requests are told their new position at most this often. Each of a long queue moves up with every answer. */
export const POSITION_INTERVAL_MS = 1_000;

/** A group of peers that kept a slot from others by not reading an answer is refused for this long. */
export const UNREAD_PENALTY_MS = 30_000;

/** The group of the node's own requests. They do not have to make room for others. */
export const OWN_GROUP = '';

/** The right to run one generation. */
export interface Lease {
  /** True if a request of another group of peers waits that could run with this lease. */
  readonly isWanted: boolean;
  /** Call if the answer was given up because its peer read nothing of it while the lease was wanted. */
  unread(): void;
  /** Returns the lease. Further calls do nothing. */
  release(): void;
}

/** A request for a lease. */
export interface Applicant {
  /** The group of peers that the request comes from. Groups share the slots and the places of a queue. */
  readonly group: string;
  granted(lease: Lease): void;
  /** Called instead of `granted` if a waiting request gives its place to one of a group with fewer. */
  refused(error: ShoalError): void;
  /** Called with a later position of a waiting request, at most once per `POSITION_INTERVAL_MS`. */
  moved?(position: number): void;
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
  /** The monotonic clock, in milliseconds. Default: that of the process. */
  readonly now?: (() => number) | undefined;
}

interface Use {
  running: number;
  waiting: number;
  /** Counts the starts of all groups. 0: none yet. */
  lastStart: number;
}

interface WaitingRequest {
  readonly queue: Queue;
  readonly applicant: Applicant;
  /** The position that the request was told last. */
  position: number;
}

/**
 * Decides at once if a request runs, waits at a position, or is refused. Each queue has its own policy, and all queues share
 * the slots. The next to run is of the group of peers that has the fewest running requests, then of the one whose last start
 * is the longest ago, then the first that came. A request that its queue's policy does not let run yet does not block requests of others. In a full queue the latest
 * request of the group with the most waiting ones gives way to a group with fewer.
 */
export class Admission {
  readonly slots: number;
  readonly #onChange: () => void;
  readonly #now: () => number;
  readonly #waiting = new Set<WaitingRequest>();
  /** The use of the slots by each group that has running or waiting requests. */
  readonly #use = new Map<string, Use>();
  /** The groups that lost an unread answer, and the time until which they are refused. */
  readonly #unread = new Map<string, number>();
  #active = 0;
  #started = 0;
  /** Runs while positions have changed that were not told yet. */
  #positionTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: AdmissionOptions) {
    this.slots = options.slots;
    this.#onChange = options.onChange ?? (() => {});
    this.#now = options.now ?? (() => performance.now());
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
      admit: (queue, applicant) => this.#admit(queue, applicant),
    });
  }

  #admit(queue: Queue, applicant: Applicant): Place | undefined {
    this.#checkPenalty(applicant.group);
    const entry: WaitingRequest = { queue, applicant, position: 0 };
    if (this.#mayRun(entry)) {
      this.#grant(entry);
      return undefined;
    }
    if (queue.queued >= queue.policy.waiting) {
      const victim = this.#victim(entry);
      if (victim === undefined) throw this.#full(queue);
      this.#remove(victim);
      victim.applicant.refused(this.#full(queue));
    }
    this.#waiting.add(entry);
    const position = this.#waiting.size;
    entry.position = position;
    queue.queued += 1;
    this.#useOf(applicant.group).waiting += 1;
    this.#onChange();
    const leave = (): boolean => {
      if (!this.#remove(entry)) return false;
      this.#onChange();
      return true;
    };
    return { position, leave };
  }

  #full({ policy: { running, waiting } }: Queue): ShoalError {
    const slots = Math.min(this.slots, running);
    return new ShoalError('QUEUE_FULL', `All ${slots} slots are taken and ${waiting} requests wait.`, {
      retryAfterMs: RETRY_AFTER_MS,
    });
  }

  #remove(entry: WaitingRequest): boolean {
    if (!this.#waiting.delete(entry)) return false;
    entry.queue.queued -= 1;
    this.#useOf(entry.applicant.group).waiting -= 1;
    this.#forget(entry.applicant.group);
    this.#positionsChanged();
    return true;
  }

  #positionsChanged(): void {
    if (this.#waiting.size > 0) {
      this.#positionTimer ??= setTimeout(() => this.#tellPositions(), POSITION_INTERVAL_MS);
      return;
    }
    clearTimeout(this.#positionTimer);
    this.#positionTimer = undefined;
  }

  #tellPositions(): void {
    this.#positionTimer = undefined;
    let position = 0;
    for (const entry of this.#waiting) {
      position += 1;
      if (entry.position === position) continue;
      entry.position = position;
      entry.applicant.moved?.(position);
    }
  }

  /** The latest request of the group with the most waiting ones in this queue, if the newcomer's group has at least two fewer. */
  #victim({ queue, applicant: { group } }: WaitingRequest): WaitingRequest | undefined {
    const counts = new Map<string, number>();
    let victim: WaitingRequest | undefined;
    const countOf = (of: string): number => counts.get(of) ?? 0;
    const inQueue = [...this.#waiting].filter((entry) => entry.queue === queue);
    for (const { applicant } of inQueue) counts.set(applicant.group, countOf(applicant.group) + 1);
    for (const entry of inQueue) {
      const count = countOf(entry.applicant.group);
      if (victim === undefined || count >= countOf(victim.applicant.group)) victim = entry;
    }
    return victim !== undefined && countOf(victim.applicant.group) >= countOf(group) + 2 ? victim : undefined;
  }

  #mayRun({ queue }: WaitingRequest): boolean {
    return this.#active < this.slots && queue.active < queue.policy.running;
  }

  #grant({ queue, applicant }: WaitingRequest): void {
    const { group } = applicant;
    this.#active += 1;
    queue.active += 1;
    const use = this.#useOf(group);
    use.running += 1;
    use.lastStart = this.#started += 1;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#active -= 1;
      queue.active -= 1;
      use.running -= 1;
      this.#forget(group);
      this.#grantNext();
    };
    const isWanted = (): boolean => this.#isWanted(queue, group);
    this.#onChange();
    applicant.granted({
      get isWanted() {
        return isWanted();
      },
      unread: () => this.#wasUnread(group),
      release,
    });
  }

  #checkPenalty(group: string): void {
    const until = this.#unread.get(group);
    if (until === undefined) return;
    const retryAfterMs = until - this.#now();
    if (retryAfterMs > 0) throw unread(retryAfterMs);
    this.#unread.delete(group);
  }

  #wasUnread(group: string): void {
    const now = this.#now();
    for (const [known, until] of this.#unread) if (until <= now) this.#unread.delete(known);
    this.#unread.set(group, now + UNREAD_PENALTY_MS);
    for (const entry of this.#waiting) {
      if (entry.applicant.group !== group) continue;
      this.#remove(entry);
      entry.applicant.refused(unread(UNREAD_PENALTY_MS));
    }
    this.#onChange();
  }

  #useOf(group: string): Use {
    let use = this.#use.get(group);
    if (use === undefined) this.#use.set(group, (use = { running: 0, waiting: 0, lastStart: 0 }));
    return use;
  }

  #forget(group: string): void {
    const { running, waiting } = this.#useOf(group);
    if (running + waiting === 0) this.#use.delete(group);
  }

  #comesBefore({ applicant: one }: WaitingRequest, { applicant: other }: WaitingRequest): boolean {
    const [ours, theirs] = [this.#useOf(one.group), this.#useOf(other.group)];
    return ours.running === theirs.running ? ours.lastStart < theirs.lastStart : ours.running < theirs.running;
  }

  #isWanted(from: Queue, by: string): boolean {
    if (by === OWN_GROUP) return false;
    for (const { queue, applicant } of this.#waiting) {
      const { active, policy } = queue;
      if (applicant.group !== by && (queue === from || active < policy.running)) return true;
    }
    return false;
  }

  #grantNext(): void {
    let next: WaitingRequest | undefined;
    for (const entry of this.#waiting) {
      if (!this.#mayRun(entry)) continue;
      if (next === undefined || this.#comesBefore(entry, next)) next = entry;
    }
    if (next === undefined) return this.#onChange();
    this.#remove(next);
    this.#grant(next);
  }
}

function unread(retryAfterMs: number): ShoalError {
  const why = 'An answer to this address was not read while others waited. Try again later.';
  return new ShoalError('OVERLOADED', why, { retryAfterMs });
}

interface QueueOwner {
  readonly load: () => QueueLoad;
  readonly admit: (queue: Queue, applicant: Applicant) => Place | undefined;
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
  admit(applicant: Applicant): Place | undefined {
    this.policy.refuse?.(this, this.#owner.load());
    return this.#owner.admit(this, applicant);
  }
}

export type { Queue };
