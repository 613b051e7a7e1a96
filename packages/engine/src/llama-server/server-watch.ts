import { setTimeout } from 'node:timers/promises';
import { ShoalError } from '@shoal/protocol/error';
import { SilenceWatch } from '../child-process/silence-watch.ts';
import type { ModelServer } from '../http/server.ts';

const PROBE_INTERVAL_MS = 400;
/** A probe that takes longer is repeated; the watch ends the server before that. */
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Asks a llama-server for its health while it has requests. It answers in a thread of its own, also during a long computation, so
 * that silence means that the process is stopped or hangs.
 */
export class ServerWatch {
  readonly #server: ModelServer;
  readonly #watch: SilenceWatch;
  #requests = 0;
  #probing: AbortController | undefined;

  constructor(server: ModelServer, onSilent: (reason: string) => void) {
    this.#server = server;
    this.#watch = new SilenceWatch({ onSilent });
  }

  /** Begins a request. Returns the function that ends it. */
  begin(): () => void {
    this.#requests++;
    if (this.#probing === undefined) {
      this.#probing = new AbortController();
      this.#watch.watch(true);
      // It has answered a probe when it was started.
      this.#watch.sign();
      void this.#probe(this.#probing.signal);
    }
    let isOpen = true;
    return () => {
      if (isOpen) this.#requests--;
      isOpen = false;
      if (this.#requests === 0) this.stop();
    };
  }

  stop(): void {
    this.#watch.stop();
    this.#probing?.abort();
    this.#probing = undefined;
  }

  /** Never rejects. */
  async #probe(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        if (await this.#isAnswered(signal)) {
          this.#watch.sign();
          // A hanging answer has limits of its own.
          this.#watch.progress();
        }
        await setTimeout(PROBE_INTERVAL_MS, undefined, { signal });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #isAnswered(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#server.requestObject({ path: 'health', signal, timeoutMs: PROBE_TIMEOUT_MS });
      return true;
    } catch (error) {
      // The next probe may be answered; a server that has ended is reported by its process.
      if (error instanceof ShoalError) return false;
      throw error;
    }
  }
}
