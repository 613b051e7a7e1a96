/**
 * A model's process with open requests that shows no sign of work for this long is ended and started again. Loading a model does
 * not count.
 */
export const ENGINE_SILENT_MS = 1_750;
/** A model's process that computes for this long without finishing a step of its graph, or an answer's piece, is ended. */
const STUCK_MS = 120_000;
const TICK_MS = 100;
/** A tick that is late by more shows that this process was not running, which is no silence of the other one. */
const TICK_MAX_MS = 2 * TICK_MS;

export interface SilenceWatchOptions {
  /** Called once, with the reason. */
  readonly onSilent: (reason: string) => void;
  /** Milliseconds from any fixed moment. Default: the monotonic clock. */
  readonly now?: (() => number) | undefined;
}

/** Watches a child process while it has work. Time in which this process did not run itself does not count. */
export class SilenceWatch {
  readonly #onSilent: (reason: string) => void;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #tickedAt = 0;
  /** Milliseconds since the last sign of work. */
  #silentMs = 0;
  /** Milliseconds since the last result. */
  #stuckMs = 0;
  /** False until the first sign: a process that cannot send signs is watched for results alone. */
  #hasSigns = false;

  constructor({ onSilent, now = () => performance.now() }: SilenceWatchOptions) {
    this.#onSilent = onSilent;
    this.#now = now;
  }

  /** Starts and ends the watch. */
  watch(hasWork: boolean): void {
    if (!hasWork) return this.stop();
    if (this.#timer !== undefined) return;
    this.progress();
    this.#tickedAt = this.#now();
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The process works, but has nothing to show yet. */
  sign(): void {
    this.#hasSigns = true;
    this.#silentMs = 0;
  }

  /** The process has got on with its work. */
  progress(): void {
    this.#silentMs = 0;
    this.#stuckMs = 0;
  }

  /** Called by the timer. */
  tick(): void {
    const now = this.#now();
    const elapsed = Math.min(now - this.#tickedAt, TICK_MAX_MS);
    this.#tickedAt = now;
    this.#silentMs += elapsed;
    this.#stuckMs += elapsed;
    if (this.#hasSigns && this.#silentMs >= ENGINE_SILENT_MS) this.#end('it was silent', ENGINE_SILENT_MS);
    else if (this.#stuckMs >= STUCK_MS) this.#end('it made no progress', STUCK_MS);
  }

  #end(what: string, ms: number): void {
    this.stop();
    this.#onSilent(`${what} for ${ms / 1_000} s while it had requests`);
  }
}
