import type { DiscoverySession } from 'hyperswarm';
import { within } from '../within.ts';

/** The wait before the second lookup; it doubles from there. */
const REFRESH_FIRST_MS = 500;

/** The longest wait between two lookups, and between two announcements. */
const REFRESH_MAX_MS = 60_000;

/** The same for a client that has nobody yet, and for a server whose announcement reached nobody. */
const REFRESH_LONELY_MAX_MS = 5_000;

/** How long leaving a topic may take to tell the DHT. */
const LEAVE_GRACE_MS = 2_000;

/** A topic that this swarm has joined. */
export interface Membership {
  /** Looks and announces again, now. */
  refresh(): void;
  /** Takes the announcement back, for at most `LEAVE_GRACE_MS`. Connections live on. Safe to call twice. */
  leave(): Promise<void>;
  /** Resolves when the first announcement is out, or has failed: some 12 s on a dead DHT, so never await it at start. */
  announced(): Promise<void>;
}

export interface MembershipOptions {
  readonly client: boolean;
  /** Whether the swarm has no connection at all. */
  isLonely(): boolean;
  /** The DHT takes announcements again. */
  onRecovered(): void;
  onLeft(): void;
}

/**
 * Keeps a topic's lookups and announcements fresh. Hyperswarm's own refresh comes every ten minutes, one lookup yields
 * 20 peers a node at most, and whoever announces after it stays unseen: so a client looks again at growing intervals,
 * and from the shortest one again whenever somebody was found or lost.
 */
export class TopicMembership implements Membership {
  readonly #session: DiscoverySession;
  readonly #options: MembershipOptions;
  readonly #first: Promise<boolean>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = REFRESH_FIRST_MS;
  #isLooking = true;
  #isReached = true;
  #hasLeft = false;

  constructor(session: DiscoverySession, options: MembershipOptions) {
    this.#session = session;
    this.#options = options;
    this.#first = session.flushed();
    void this.#first.then((isReached) => this.#afterLook(isReached));
  }

  refresh(): void {
    this.#waitMs = REFRESH_FIRST_MS;
    if (!this.#isLooking) void this.#look();
  }

  /** Somebody was found or lost: more may be. */
  peersChanged(): void {
    if (!this.#options.client || this.#hasLeft) return;
    this.#waitMs = REFRESH_FIRST_MS;
    if (!this.#isLooking) this.#lookLater();
  }

  /** No more lookups; the topic itself ends with its swarm. */
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

  #lookLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), this.#waitMs);
  }

  async #look(): Promise<void> {
    if (this.#hasLeft) return;
    clearTimeout(this.#timer);
    this.#isLooking = true;
    this.#waitMs = Math.min(this.#waitMs * 2, REFRESH_MAX_MS);
    this.#afterLook(await this.#refreshSession());
  }

  /** False for a session that was destroyed meanwhile, too. */
  async #refreshSession(): Promise<boolean> {
    try {
      return await this.#session.refresh();
    } catch {
      return false;
    }
  }

  #afterLook(isReached: boolean): void {
    this.#isLooking = false;
    if (this.#hasLeft) return;
    if (isReached && !this.#isReached) this.#options.onRecovered();
    this.#isReached = isReached;
    if (this.#options.client) {
      if (this.#options.isLonely()) this.#waitMs = Math.min(this.#waitMs, REFRESH_LONELY_MAX_MS);
    } else {
      this.#waitMs = isReached ? REFRESH_MAX_MS : REFRESH_LONELY_MAX_MS;
    }
    this.#lookLater();
  }
}
