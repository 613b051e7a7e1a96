import type { Logger } from './log.ts';

/**
 * A Ctrl-C reaches a process twice where a launcher in the same terminal passes on what the terminal also sends: signals
 * this close together are one.
 */
const ONE_SIGNAL_MS = 500;

/** A service manager, Ctrl-C, a terminal that was closed. */
const END_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** The wish that this process ends: from a signal, whoever forked it, or a call. */
export class EndRequest {
  readonly #log: Logger;
  readonly #requested = Promise.withResolvers<void>();
  #requestedAt: number | undefined;
  #isReady = false;

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const echo = this.#requestedAt !== undefined && performance.now() - this.#requestedAt < ONE_SIGNAL_MS;
    if (echo) return;
    // There is nothing to complete yet, or nothing is to be waited for any more.
    if (!this.#isReady || this.#requestedAt !== undefined) process.exit(1);
    this.#log.info(`${signal}: leaving once running answers are complete; once more leaves at once`);
    this.request();
  };

  readonly #onDisconnect = (): void => this.request();

  constructor(log: Logger) {
    this.#log = log;
    for (const signal of END_SIGNALS) process.on(signal, this.#onSignal);
    process.on('disconnect', this.#onDisconnect);
    // Whoever forked it may be gone by now. Without a channel this is undefined.
    if (process.connected === false) this.request();
  }

  request(): void {
    this.#requestedAt ??= performance.now();
    this.#requested.resolve();
  }

  /** Waits for it. Before this call a signal ends the process at once. */
  async wait(): Promise<void> {
    this.#isReady = true;
    await this.#requested.promise;
  }

  close(): void {
    for (const signal of END_SIGNALS) process.off(signal, this.#onSignal);
    process.off('disconnect', this.#onDisconnect);
    if (process.connected) process.disconnect();
  }
}
