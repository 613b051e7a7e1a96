import { monotonicNow } from '#clock';

/** The monotonic clock of one session. It stands still while the link does not read the peer. */
export class SessionClock {
  #stops = 0;
  #stoppedAt = 0;
  #stoppedMs = 0;

  get isStopped(): boolean {
    return this.#stops > 0;
  }

  /** Milliseconds, without the time in which the clock stood still. */
  now(): number {
    return (this.isStopped ? this.#stoppedAt : monotonicNow()) - this.#stoppedMs;
  }

  /** Each call needs its own `start` before the clock goes on. */
  stop(): void {
    if (!this.isStopped) this.#stoppedAt = monotonicNow();
    this.#stops += 1;
  }

  start(): void {
    this.#stops -= 1;
    if (!this.isStopped) this.#stoppedMs += monotonicNow() - this.#stoppedAt;
  }
}
