import { setTimeout } from 'node:timers/promises';
import { ShoalError } from '@shoal/protocol/error';
import { engineClosed } from './errors.ts';

const FIRST_BACK_OFF_MS = 250;
const BACK_OFF_MAX_MS = 30_000;
/** A request waits for a restart that is at most this far away. */
const RESTART_WAIT_MAX_MS = 2_000;
/** After this time without a crash the next back-off is the shortest again. */
const HEALTHY_AFTER_MS = 60_000;

/** A child process that takes requests. */
export interface Supervised {
  /** Resolves with the reason when the process has ended. Never rejects. */
  readonly gone: Promise<ShoalError>;
  /** Resolves when the process has ended. */
  end(): Promise<void>;
}

export interface SupervisorOptions<Running extends Supervised> {
  /**
   * Starts the process. Resolves when it takes requests. Rejects with a `ShoalError` for the model's owner if it cannot, and
   * on abort; no process is left then.
   */
  readonly start: (signal: AbortSignal) => Promise<Running>;
  /** Called when the process has ended unexpectedly, and when its restart has failed. */
  readonly lost: (error: ShoalError) => void;
  /** Default: the real time. */
  readonly clock?: SupervisorClock | undefined;
}

export interface SupervisorClock {
  /** Milliseconds from any fixed moment. */
  now(): number;
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

const REAL_TIME: SupervisorClock = {
  now: () => performance.now(),
  wait: (ms, signal) => setTimeout(ms, undefined, { signal }),
};

/** Keeps one child process running: starts it on first use and restarts it with back-off after a crash. */
export class Supervisor<Running extends Supervised> {
  readonly #options: SupervisorOptions<Running>;
  readonly #clock: SupervisorClock;
  readonly #closing = new AbortController();
  #running: Promise<Running> | undefined;
  #failure: ShoalError | undefined;
  #hasFailed = false;
  #backOffMs = 0;
  #restartAt = 0;

  constructor(options: SupervisorOptions<Running>) {
    this.#options = options;
    this.#clock = options.clock ?? REAL_TIME;
  }

  /** Resolves with the process when it takes requests. Rejects with a `ShoalError` for the model's owner. */
  async ready(): Promise<Running> {
    if (this.#closing.signal.aborted) throw engineClosed();
    const retryAfterMs = Math.ceil(this.#restartAt - this.#clock.now());
    if (retryAfterMs > RESTART_WAIT_MAX_MS && this.#failure !== undefined) {
      const { code, message } = this.#failure;
      throw new ShoalError(code, message, { cause: this.#failure, retryAfterMs });
    }
    return this.#running ?? this.#start();
  }

  /** The process if it runs or starts; undefined otherwise, and if the start fails. */
  async running(): Promise<Running | undefined> {
    // The failure is reported to the request that started the process.
    return this.#running?.catch(() => undefined);
  }

  /** True if the process runs or starts. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** True from an unexpected end, or a failed start, until the process takes requests again. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Makes the next back-off the shortest again. Called after a successful request. */
  resetBackOff(): void {
    this.#backOffMs = 0;
  }

  /** Ends the process. The next `ready` starts it again. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    // A start that fails leaves nothing to end.
    await (await running?.catch(() => undefined))?.end();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.stop();
  }

  #start(): Promise<Running> {
    const running = this.#startAfterBackOff();
    this.#running = running;
    void running.then(
      ({ gone }) => {
        this.#hasFailed = false;
        return this.#watch(running, gone, this.#clock.now());
      },
      (error: unknown) => {
        if (this.#running !== running) return;
        this.#running = undefined;
        this.#postpone(0, ShoalError.from(error));
      },
    );
    return running;
  }

  async #startAfterBackOff(): Promise<Running> {
    const { signal } = this.#closing;
    try {
      const waitMs = this.#restartAt - this.#clock.now();
      if (waitMs > 0) await this.#clock.wait(waitMs, signal);
      return await this.#options.start(signal);
    } catch (error) {
      throw signal.aborted ? engineClosed() : error;
    }
  }

  /** Restarts the process after an unexpected end, without waiting for a request. */
  async #watch(running: Promise<Running>, gone: Promise<ShoalError>, startedAt: number): Promise<void> {
    const failure = await gone;
    if (this.#running !== running) return; // ended by `stop`
    this.#running = undefined;
    this.#postpone(this.#clock.now() - startedAt, failure);
    this.#options.lost(failure);
    this.#start().catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#options.lost(ShoalError.from(error));
    });
  }

  /** Doubles the back-off, or resets it if the last process ran long enough. */
  #postpone(ranMs: number, failure: ShoalError): void {
    this.#failure = failure;
    this.#hasFailed = true;
    const isFirst = this.#backOffMs === 0 || ranMs > HEALTHY_AFTER_MS;
    this.#backOffMs = isFirst ? FIRST_BACK_OFF_MS : Math.min(this.#backOffMs * 2, BACK_OFF_MAX_MS);
    this.#restartAt = this.#clock.now() + this.#backOffMs;
  }
}
