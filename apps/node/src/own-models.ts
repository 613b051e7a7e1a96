import type { StoreEngine } from '@shoal/host/engines/store-engine';
import type { StoredModelInfo } from '@shoal/host/models/stored-models';
import { isNamed, MAX_TOKENS } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { Scheduler } from '@shoal/worker';
import { connectToSelf, type OwnWorker } from './own-worker.ts';

/** Answers at once, of all models together. Each model has slots of its own. */
const SLOTS = 64;
const WAITING_MAX = 1_024;

export interface OwnModelsOptions {
  readonly engine: StoreEngine;
  /** This node's public key in hex. */
  readonly key: string;
  readonly name: string;
  readonly onError: (error: ShoalError) => void;
}

/** The models of this machine, lent or not, for the node's own requests that name one of them. */
export class OwnModels {
  readonly worker: OwnWorker;
  readonly #engine: StoreEngine;
  readonly #scheduler: Scheduler;
  readonly #onError: (error: ShoalError) => void;

  constructor({ engine, key, name, onError }: OwnModelsOptions) {
    this.#engine = engine;
    this.#onError = onError;
    this.#scheduler = new Scheduler({ slots: SLOTS, onError });
    const policy = { running: Infinity, waiting: WAITING_MAX, maxTokens: MAX_TOKENS, obeysKeepAlive: true };
    const queue = this.#scheduler.openQueue(policy);
    this.worker = connectToSelf({
      key: `${key}/store`,
      name,
      models: () => engine.known,
      slots: SLOTS,
      answer: (exchange) => queue.answer(exchange, () => engine),
    });
  }

  get known(): readonly StoredModelInfo[] {
    return this.#engine.known;
  }

  has(name: string): boolean {
    return this.known.some((model) => isNamed(model, name));
  }

  /** Looks for models again. Errors are reported, and the known models stay. */
  async refresh(): Promise<void> {
    try {
      await this.#engine.refresh();
    } catch (thrown) {
      this.#onError(ShoalError.from(thrown));
    }
  }

  /** Refuses new requests and waits at most `drainMs` for running ones. */
  async close(drainMs: number): Promise<void> {
    await this.#scheduler.drain(drainMs);
    await this.#engine.close();
    this.worker.link.close();
    await this.#scheduler.drained();
  }
}
