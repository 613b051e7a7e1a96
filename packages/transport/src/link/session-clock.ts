import { monotonicNow } from '#clock';

/** The clock of one session. It stands still while its owner does not read the peer. */
export class SessionClock {
  #stops = 0;
  #stoppedAt = 0;
  #stoppedMs = 0;

  get isStopped(): boolean {
    return this.#stops > 0;
  }

  /** Milliseconds, stopped time left out. */
  now(): number {
    return (this.isStopped ? this.#stoppedAt : monotonicNow()) - this.#stoppedMs;
  }

  /** Each call needs a `start` of its own before time goes on. */
  stop(): void {
    if (!this.isStopped) this.#stoppedAt = monotonicNow();
    this.#stops += 1;
  }

  start(): void {
    this.#stops -= 1;
    if (!this.isStopped) this.#stoppedMs += monotonicNow() - this.#stoppedAt;
  }
}
