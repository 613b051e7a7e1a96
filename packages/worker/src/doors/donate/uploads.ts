import type { Engine } from '@shoal/engine';
import type { ShoalError } from '@shoal/protocol';
import type { UploadStep } from '@shoal/protocol/donate';
import { type Mount, ModelSlot, notMounted } from './model-slot.ts';
import { StagedModel } from './staged-model.ts';
import { openStagingFolder, type StagingFolder } from './staging-folder.ts';
import { STORAGE_QUOTA_BYTES, StorageQuota } from './storage-quota.ts';

export interface UploadsOptions {
  readonly mount: Mount;
  /** Where pushed models are kept while their connections last; absent: a folder of this user in the temporary one. */
  readonly folder?: string | undefined;
  /** What they may take of the disk together. */
  readonly quotaBytes?: number | undefined;
  /** Causes that stay at home. */
  readonly onError?: ((error: ShoalError) => void) | undefined;
}

/** What a connection's uploads bring about. */
export interface UploadHandlers {
  /** The model of this upload is whole on the disk. */
  sealed(id: number, model: StagedModel): void;
  failed(id: number, error: ShoalError): void;
}

/** Everything that is kept of pushed models, of all connections: on the disk, and the one that is in memory. */
export class Uploads {
  readonly #folder: StagingFolder;
  readonly #quota: StorageQuota;
  readonly #slot: ModelSlot;
  readonly #onError: (error: ShoalError) => void;
  readonly #leaving = new Set<Promise<void>>();

  static async open(options: UploadsOptions): Promise<Uploads> {
    return new Uploads(options, await openStagingFolder(options.folder));
  }

  private constructor(options: UploadsOptions, folder: StagingFolder) {
    const { mount, quotaBytes = STORAGE_QUOTA_BYTES, onError = () => {} } = options;
    this.#folder = folder;
    this.#quota = new StorageQuota(folder.path, quotaBytes);
    this.#slot = new ModelSlot(mount, onError);
    this.#onError = onError;
  }

  /** The uploads of one connection. */
  ofConnection(handlers: UploadHandlers): ConnectionUploads {
    const [quota, onError] = [this.#quota, this.#onError];
    return new ConnectionUploads(handlers, {
      stage: (begin, onFail) => new StagedModel({ file: this.#folder.newFile(), begin, quota, onFail, onError }),
      leave: (model) => this.#leave(model),
    });
  }

  /** The engine of a model, in place of whatever was in memory before. */
  load(model: StagedModel | undefined): Promise<Engine> {
    return model === undefined ? Promise.reject(notMounted()) : this.#slot.take(model);
  }

  /** Resolves once nothing is left in memory or on the disk. */
  async close(): Promise<void> {
    await this.#slot.close();
    while (this.#leaving.size > 0) await Promise.all(this.#leaving);
    await this.#folder.close();
  }

  #leave(model: StagedModel): void {
    const leaving = Promise.all([model.discard(), this.#slot.release(model)]).then(() => {
      this.#leaving.delete(leaving);
    });
    this.#leaving.add(leaving);
  }
}

interface ModelStaging {
  readonly stage: (begin: Extract<UploadStep, { type: 'begin' }>, onFail: (error: ShoalError) => void) => StagedModel;
  readonly leave: (model: StagedModel) => void;
}

/** One connection's uploads; the model of the last one is the one that its jobs mean. */
export class ConnectionUploads {
  readonly #handlers: UploadHandlers;
  readonly #owner: ModelStaging;
  #sealing: Promise<void> | undefined;
  #current: { readonly id: number; readonly model: StagedModel } | undefined;

  constructor(handlers: UploadHandlers, owner: ModelStaging) {
    this.#handlers = handlers;
    this.#owner = owner;
  }

  get model(): StagedModel | undefined {
    return this.#current?.model;
  }

  /** While a commit is looked at: what was asked behind it comes after it. */
  get sealing(): Promise<void> | undefined {
    return this.#sealing;
  }

  /** The promise holds the peer back until the step is on the disk. */
  take(id: number, step: UploadStep): void | Promise<void> {
    if (step.type === 'begin') {
      const model = this.#owner.stage(step, (error) => this.#handlers.failed(id, error));
      this.#current = { id, model };
      return model.prepare();
    }
    const current = this.#current;
    if (current?.id !== id) return undefined;
    const { model } = current;
    switch (step.type) {
      case 'bytes':
        return model.write(step.bytes);
      case 'commit':
        return this.#seal(id, model);
      case 'drop':
        this.#current = undefined;
        return this.#owner.leave(model);
      default:
        return step satisfies never;
    }
  }

  async #seal(id: number, model: StagedModel): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#sealing;
    this.#sealing = promise;
    await Promise.all([before, model.seal()]);
    if (!model.isOver) this.#handlers.sealed(id, model);
    if (this.#sealing === promise) this.#sealing = undefined;
    resolve();
  }
}
