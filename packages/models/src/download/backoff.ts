import { setTimeout as pause } from 'node:timers/promises';
import type { ShoalError } from '@shoal/protocol';

/** Before the second to the last try; each try that brings something begins anew. */
const RETRY_WAITS_MS = [500, 1_000, 2_000, 5_000, 10_000];
/** A server that wants more time than this is asked by people, later. */
const RETRY_AFTER_MAX_MS = 60_000;
/** So that many who lost one server don't come back as one. */
const JITTER_SHARE = 0.2;

/** Waits; rejects when aborted. Tests give one that only takes notes. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** How often, and after how long, a server is asked again. */
export class Backoff {
  readonly #wait: Wait;
  #failures = 0;

  constructor(wait: Wait = (ms, signal) => pause(ms, undefined, { signal })) {
    this.#wait = wait;
  }

  /** Something came: the next failure is the first one again. */
  renew(): void {
    this.#failures = 0;
  }

  /** Waits before the next try. Throws the error where it was tried often enough, or is to be tried much later. */
  async after(error: ShoalError, signal: AbortSignal): Promise<void> {
    const waitMs = RETRY_WAITS_MS[this.#failures++];
    const wantedMs = error.retryAfterMs ?? 0;
    if (waitMs === undefined || wantedMs > RETRY_AFTER_MAX_MS) throw error;
    await this.#wait(Math.max(waitMs * (1 + JITTER_SHARE * Math.random()), wantedMs), signal);
  }
}
