/** Tokens whose use is remembered at once. A home has fewer, so only revoked ones are forgotten. */
const BUCKETS_MAX = 1_024;
const MINUTE_MS = 60_000;
/** Larger than the rounding errors of the times below. */
const TOLERANCE_MS = 0.001;

/**
 * A token bucket for each API token. A bucket holds `perMinute` requests, starts full and fills evenly within a minute.
 *
 * A bucket is stored as the time at which it is full again, which is all that is needed (the generic cell rate algorithm):
 * each request moves that time by the interval between two requests, and may not move it beyond a minute from now.
 */
export class RateLimits {
  readonly #now: () => number;
  readonly #fullAt = new Map<string, number>();

  /** `now` is the monotonic clock, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes one request from the bucket of `id`. Returns undefined, or the milliseconds until a request is accepted again. */
  take(id: string, perMinute: number): number | undefined {
    const now = this.#now();
    const fullAt = Math.max(this.#fullAt.get(id) ?? now, now) + MINUTE_MS / perMinute;
    const waitMs = fullAt - now - MINUTE_MS - TOLERANCE_MS;
    if (waitMs > 0) return Math.ceil(waitMs);
    this.#remember(id, fullAt, now);
    return undefined;
  }

  /** Keeps the map in the order of use, and removes full buckets, or else the bucket that was not used for longest. */
  #remember(id: string, fullAt: number, now: number): void {
    this.#fullAt.delete(id);
    if (this.#fullAt.size >= BUCKETS_MAX) {
      for (const [other, time] of this.#fullAt) if (time <= now) this.#fullAt.delete(other);
      const [oldest] = this.#fullAt.keys();
      if (this.#fullAt.size >= BUCKETS_MAX && oldest !== undefined) this.#fullAt.delete(oldest);
    }
    this.#fullAt.set(id, fullAt);
  }
}
