import { setTimeout } from 'node:timers/promises';
import { ShoalError } from '@shoal/protocol';

const FIRST_BACK_OFF_MS = 250;
const BACK_OFF_MAX_MS = 30_000;
/** A request waits for a restart that is no further away than this. */
const RESTART_PATIENCE_MS = 2_000;
/** After this long without a crash the next back-off is the shortest again. */
const HEALTHY_AFTER_MS = 60_000;

/** Something that runs until it ends by itself or is ended. */
export interface Supervised {
  /** Resolves when it is gone, with why. */
  readonly gone: Promise<ShoalError>;
  end(): Promise<void>;
}

export interface SupervisorOptions<Server extends Supervised> {
  /** Resolves when the server can be asked. Rejects with a `ShoalError` for its owner, and has then left nothing behind. */
  readonly start: (signal: AbortSignal) => Promise<Server>;
  /** The server ended without having been told to, or could not be started again. */
  readonly lost: (error: ShoalError) => void;
}

/** Keeps one server: starts it when it is first wanted, and again, later each time, when it ends. */
export class Supervisor<Server extends Supervised> {
  readonly #options: SupervisorOptions<Server>;
  readonly #closing = new AbortController();
  #server: Promise<Server> | undefined;
  #failure: ShoalError | undefined;
  #backOffMs = 0;
  #restartAt = 0;

  constructor(options: SupervisorOptions<Server>) {
    this.#options = options;
  }

  /** The server, once it can be asked. Rejects with a `ShoalError` that is meant for the model's owner. */
  async ready(): Promise<Server> {
    if (this.#closing.signal.aborted) throw closed();
    const retryAfterMs = Math.ceil(this.#restartAt - performance.now());
    if (retryAfterMs > RESTART_PATIENCE_MS && this.#failure !== undefined) {
      const { code, message } = this.#failure;
      throw new ShoalError(code, message, { cause: this.#failure, retryAfterMs });
    }
    return this.#server ?? this.#start();
  }

  /** The server that runs now. */
  async running(): Promise<Server | undefined> {
    return this.#server?.catch(() => undefined);
  }

  /** An answer was completed. */
  proven(): void {
    this.#backOffMs = 0;
  }

  /** Ends the server; the next one who wants it has it started again. */
  async rest(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await (await server?.catch(() => undefined))?.end();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.rest();
  }

  #start(): Promise<Server> {
    const server = this.#startServer();
    this.#server = server;
    void server.then(
      ({ gone }) => this.#watch(server, gone, performance.now()),
      (error: unknown) => {
        if (this.#server !== server) return;
        this.#server = undefined;
        this.#postpone(0, ShoalError.from(error));
      },
    );
    return server;
  }

  async #startServer(): Promise<Server> {
    const { signal } = this.#closing;
    try {
      const waitMs = this.#restartAt - performance.now();
      if (waitMs > 0) await setTimeout(waitMs, undefined, { signal });
      return await this.#options.start(signal);
    } catch (error) {
      throw signal.aborted ? closed() : error;
    }
  }

  /** A server that could be asked is replaced without being asked for. */
  async #watch(server: Promise<Server>, gone: Promise<ShoalError>, startedAt: number): Promise<void> {
    const failure = await gone;
    if (this.#server !== server) return; // we ended it ourselves
    this.#server = undefined;
    this.#postpone(performance.now() - startedAt, failure);
    this.#options.lost(failure);
    this.#start().catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#options.lost(ShoalError.from(error));
    });
  }

  /** The next one starts later, and later each time, unless the last one lived well. */
  #postpone(livedMs: number, failure: ShoalError): void {
    this.#failure = failure;
    const isFirst = this.#backOffMs === 0 || livedMs > HEALTHY_AFTER_MS;
    this.#backOffMs = isFirst ? FIRST_BACK_OFF_MS : Math.min(this.#backOffMs * 2, BACK_OFF_MAX_MS);
    this.#restartAt = performance.now() + this.#backOffMs;
  }
}

function closed(): ShoalError {
  return ShoalError.aborted('The engine was closed.');
}
