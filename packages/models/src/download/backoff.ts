import { setTimeout as pause } from 'node:timers/promises';
import type { ShoalError } from '@shoal/protocol/error';
import { isRefused } from './http.ts';

/** Waits before the second to the last try. A try that receives bytes starts the list again. */
const RETRY_WAITS_MS = [500, 1_000, 2_000, 5_000, 10_000];
/** Longest `Retry-After` that is waited for. A longer one ends the download with `OVERLOADED`. */
const RETRY_AFTER_MAX_MS = 60_000;
/** Random addition to each wait, so that many clients do not return to a server at the same moment. */
const JITTER_SHARE = 0.2;

/** Waits. Rejects when aborted. Tests pass a function that only records the wait. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** Decides how often a request is retried, and after which wait. */
export class Backoff {
  readonly #wait: Wait;
  #failures = 0;
  #hasReceived = false;

  constructor(wait: Wait = (ms, signal) => pause(ms, undefined, { signal })) {
    this.#wait = wait;
  }

  /** Resets the count of failures, after bytes have arrived. */
  reset(): void {
    this.#failures = 0;
    this.#hasReceived = true;
  }

  /**
   * Waits before the next try. Throws the error after the last try, if the server requests a longer wait, or if it refuses
   * the first connection: then the address is wrong, while a server that has sent bytes may only be restarting.
   */
  async wait(error: ShoalError, signal: AbortSignal): Promise<void> {
    const waitMs = RETRY_WAITS_MS[this.#failures++];
    const requestedMs = error.retryAfterMs ?? 0;
    if (isRefused(error) && !this.#hasReceived) throw error;
    if (waitMs === undefined || requestedMs > RETRY_AFTER_MAX_MS) throw error;
    await this.#wait(Math.max(waitMs * (1 + JITTER_SHARE * Math.random()), requestedMs), signal);
  }
}
