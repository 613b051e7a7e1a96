import type { DiscoverySession } from 'hyperswarm';
import { within } from '../within.ts';

/** Delay before the second lookup. It doubles for each further one. */
const REFRESH_FIRST_MS = 500;

/** The longest delay between two lookups, and between two announcements. */
const REFRESH_MAX_MS = 60_000;

/** The same for a client without connections, and for a server whose announcement reached no node. */
const REFRESH_LONELY_MAX_MS = 5_000;

/** Time in which leaving a topic may unannounce it. */
const LEAVE_GRACE_MS = 2_000;

/** A topic that this swarm has joined. */
export interface Membership {
  /** Looks up and announces again, now. */
  refresh(): void;
  /** Unannounces the topic within `LEAVE_GRACE_MS`. Connections stay open. Safe to call twice. */
  leave(): Promise<void>;
  /** Resolves when the first announcement has succeeded or failed. Do not await it at start: a dead DHT takes about 12 s. */
  announced(): Promise<void>;
}

export interface MembershipOptions {
  readonly client: boolean;
  /** Returns true if the swarm has no connection. */
  isAlone(): boolean;
  /** Called when an announcement succeeds after one that failed. */
  onRecovered(): void;
  onLeft(): void;
}

/**
 * Repeats a topic's lookups and announcements. Hyperswarm refreshes only every ten minutes, a lookup returns at most 20 peers
 * per node, and it misses servers that announce later. So a client looks up again at growing intervals, which start again from
 * the shortest when a peer is found or lost.
 */
export class TopicMembership implements Membership {
  readonly #session: DiscoverySession;
  readonly #options: MembershipOptions;
  readonly #first: Promise<boolean>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = REFRESH_FIRST_MS;
  #isLookingUp = true;
  #isReached = true;
  #hasLeft = false;

  constructor(session: DiscoverySession, options: MembershipOptions) {
    this.#session = session;
    this.#options = options;
    this.#first = session.flushed();
    void this.#first.then((isReached) => this.#afterLookup(isReached));
  }

  refresh(): void {
    this.#waitMs = REFRESH_FIRST_MS;
    if (!this.#isLookingUp) void this.#lookUp();
  }

  /** Called when a peer is found or lost: there may be more. */
  peersChanged(): void {
    if (!this.#options.client || this.#hasLeft) return;
    this.#waitMs = REFRESH_FIRST_MS;
    if (!this.#isLookingUp) this.#lookUpLater();
  }

  /** Stops the lookups. The topic itself ends with its swarm. */
  stop(): void {
    this.#hasLeft = true;
    clearTimeout(this.#timer);
  }

  async leave(): Promise<void> {
    if (this.#hasLeft) return;
    this.stop();
    this.#options.onLeft();
    await within(this.#session.destroy(), LEAVE_GRACE_MS);
  }

  async announced(): Promise<void> {
    await this.#first;
  }

  #lookUpLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#lookUp(), this.#waitMs);
  }

  async #lookUp(): Promise<void> {
    if (this.#hasLeft) return;
    clearTimeout(this.#timer);
    this.#isLookingUp = true;
    this.#waitMs = Math.min(this.#waitMs * 2, REFRESH_MAX_MS);
    this.#afterLookup(await this.#refreshSession());
  }

  /** Resolves with false also if the session has been destroyed. */
  async #refreshSession(): Promise<boolean> {
    try {
      return await this.#session.refresh();
    } catch {
      return false;
    }
  }

  #afterLookup(isReached: boolean): void {
    this.#isLookingUp = false;
    if (this.#hasLeft) return;
    if (isReached && !this.#isReached) this.#options.onRecovered();
    this.#isReached = isReached;
    if (this.#options.client) {
      if (this.#options.isAlone()) this.#waitMs = Math.min(this.#waitMs, REFRESH_LONELY_MAX_MS);
    } else {
      this.#waitMs = isReached ? REFRESH_MAX_MS : REFRESH_LONELY_MAX_MS;
    }
    this.#lookUpLater();
  }
}
