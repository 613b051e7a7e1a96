import { monotonicNow } from '@shoal/transport';

/** The time between the two looks at a time that has passed, so that a stall of this process leaves time to read what came. */
export const SECOND_LOOK_MS = 500;

/**
 * Calls a function when the time of `set` has passed, unless it was set again or stopped before. A timer that is set anew with
 * every token costs one timer of the system for many of them.
 */
export class LateTimer {
  readonly #passed: () => void;
  #dueAt = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSecondLook = false;

  constructor(passed: () => void) {
    this.#passed = passed;
  }

  /** `at` is a time of the monotonic clock. */
  set(at: number): void {
    this.#dueAt = at;
    this.#isSecondLook = false;
    this.#timer ??= this.#wait(at);
  }

  stop(): void {
    this.#dueAt = Infinity;
  }

  /** Call at the end: stops the timer and releases it. */
  close(): void {
    this.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#dueAt === Infinity) return;
    const now = monotonicNow();
    if (now < this.#dueAt) this.#timer = this.#wait(this.#dueAt);
    else if (this.#isSecondLook) this.#passed();
    else {
      this.#isSecondLook = true;
      this.#timer = this.#wait(now + SECOND_LOOK_MS);
    }
  }

  #wait(until: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#look(), Math.max(0, until - monotonicNow()));
  }
}
