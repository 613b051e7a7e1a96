import type { Logger } from './log.ts';

/**
 * Signals within this time count as one. A Ctrl-C reaches a process twice if its launcher in the same terminal forwards the
 * signal that the terminal also sends.
 */
const ONE_SIGNAL_MS = 500;

/** Sent by a service manager, by Ctrl-C, and when a terminal is closed. */
const END_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** The request to end this process: a signal, the end of the parent process, or a call. */
export class EndRequest {
  readonly #log: Logger;
  readonly #requested = Promise.withResolvers<void>();
  #requestedAt: number | undefined;
  #isReady = false;

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const echo = this.#requestedAt !== undefined && performance.now() - this.#requestedAt < ONE_SIGNAL_MS;
    if (echo) return;
    // Nothing is running yet, or this is the second signal.
    if (!this.#isReady || this.#requestedAt !== undefined) process.exit(1);
    this.#log.info(`${signal}: ending after running answers are complete; repeat to end at once`);
    this.request();
  };

  readonly #onDisconnect = (): void => this.request();

  constructor(log: Logger) {
    this.#log = log;
    for (const signal of END_SIGNALS) process.on(signal, this.#onSignal);
    process.on('disconnect', this.#onDisconnect);
    // The parent process may have ended already. Without a channel this is undefined.
    if (process.connected === false) this.request();
  }

  request(): void {
    this.#requestedAt ??= performance.now();
    this.#requested.resolve();
  }

  /** Resolves when the end is requested. Before this call a signal ends the process at once. */
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
