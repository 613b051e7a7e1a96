/** Counts messages that use no credit: `burst` at once, and `perSecond` in the long run. */
export class MessageAllowance {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  /** On the session's clock. Undefined before the first message. */
  #countedAt: number | undefined;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
  }

  /** Counts one message. Returns false if it is one too many. */
  take(now: number): boolean {
    const elapsedMs = now - (this.#countedAt ?? now);
    this.#countedAt = now;
    this.#left = Math.min(this.#burst, this.#left + (elapsedMs / 1_000) * this.#perSecond) - 1;
    return this.#left >= 0;
  }
}
