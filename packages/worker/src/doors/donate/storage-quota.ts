import { statfs } from 'node:fs/promises';
import { ShoalError } from '@shoal/protocol/error';

/** Disk space of all pushed models together, if not configured otherwise. */
export const STORAGE_QUOTA_BYTES = 32 * 1024 ** 3;
/** A model counts only this much of the quota before so many bytes of it have arrived. Then its whole length counts. */
const FIRST_STEP_BYTES = 64 * 1024 ** 2;
/** Space that stays free on the disk, independent of the quota. */
const SPARE_BYTES = 64 * 1024 ** 2;

export interface StorageQuotaOptions {
  /** The folder of the models. */
  readonly folder: string;
  readonly quotaBytes: number;
  /** Default: `FIRST_STEP_BYTES`. */
  readonly firstStepBytes?: number | undefined;
  /** Called when there is no room. Resolves with true if a model was removed that nobody needs. */
  readonly makeRoom?: (() => Promise<boolean>) | undefined;
}

/** Disk space of one model, from the start of its upload until it is removed. */
export interface Reservation {
  /** Call before bytes are written. Throws `STORAGE_FULL` if the model does not fit beside the others any more. */
  need(bytes: number): Promise<void>;
  /** Call after more bytes are on the disk. */
  wrote(bytes: number): void;
  /** Releases the space. Further calls do nothing. */
  release(): void;
}

interface Model {
  readonly length: number;
  /** The part of its length that counts. */
  counted: number;
  written: number;
}

/**
 * The disk space for the models of all connections. An announced length is only a promise, so at first a model counts no more
 * than a first step. It counts in full once it has brought that: of two large models that do not fit together, the later one
 * fails then and not near its end.
 */
export class StorageQuota {
  readonly #options: StorageQuotaOptions;
  readonly #models = new Set<Model>();

  constructor(options: StorageQuotaOptions) {
    this.#options = options;
  }

  /** Reserves space for a model. Throws `STORAGE_FULL` if it is larger than the quota, or there is no room for its start. */
  async reserve(length: number): Promise<Reservation> {
    const { quotaBytes, firstStepBytes = FIRST_STEP_BYTES } = this.#options;
    if (length > quotaBytes) throw noRoom();
    const model: Model = { length, counted: 0, written: 0 };
    this.#models.add(model);
    try {
      await this.#count(model, Math.min(length, firstStepBytes));
    } catch (thrown) {
      this.#models.delete(model);
      throw thrown;
    }
    return {
      need: (bytes) => (model.written + bytes <= model.counted ? Promise.resolve() : this.#count(model, length)),
      wrote: (bytes) => {
        model.written += bytes;
      },
      release: () => {
        this.#models.delete(model);
      },
    };
  }

  async #count(model: Model, bytes: number): Promise<void> {
    if (await this.#tryToCount(model, bytes)) return;
    const { makeRoom } = this.#options;
    if (makeRoom === undefined || !(await makeRoom()) || !(await this.#tryToCount(model, bytes))) throw noRoom();
  }

  /** Returns false if there is no room. */
  async #tryToCount(model: Model, bytes: number): Promise<boolean> {
    const before = model.counted;
    // Before `statfs`, so that two concurrent calls count each other.
    model.counted = bytes;
    let isCounted = false;
    try {
      const { bavail, bsize } = await statfs(this.#options.folder);
      const models = [...this.#models];
      const counted = models.reduce((sum, one) => sum + one.counted, 0);
      const unwritten = models.reduce((sum, one) => sum + one.counted - one.written, 0);
      // A disk that cannot take the whole model is known before it begins.
      const missing = unwritten + model.length - model.counted;
      isCounted = counted <= this.#options.quotaBytes && missing + SPARE_BYTES <= bavail * bsize;
    } finally {
      if (!isCounted) model.counted = before;
    }
    return isCounted;
  }
}

function noRoom(): ShoalError {
  return new ShoalError('STORAGE_FULL', 'There is no room for this model.');
}
