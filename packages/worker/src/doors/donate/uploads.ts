import type { Engine } from '@shoal/engine';
import type { ShoalError } from '@shoal/protocol/error';
import type { UploadStep } from '@shoal/protocol/donate';
import { SharedFiles } from './model-file.ts';
import { type Mount, ModelSlot, notMounted } from './model-slot.ts';
import { StagedModel } from './staged-model.ts';
import { openStagingFolder, type StagingFolder } from './staging-folder.ts';
import { STORAGE_QUOTA_BYTES, StorageQuota } from './storage-quota.ts';

/** A pushed model that no connection uses stays loaded this long, for the next client that pushes the same file. */
const PUSHED_KEEP_ALIVE_MS = 60_000;

export interface UploadsOptions {
  readonly mount: Mount;
  /** The folder for pushed models. Default: a folder of this user in the system's temporary folder. */
  readonly folder?: string | undefined;
  /** Disk space of all pushed models together. Default: `STORAGE_QUOTA_BYTES`. */
  readonly quotaBytes?: number | undefined;
  /** Default: `PUSHED_KEEP_ALIVE_MS`. */
  readonly keepAliveMs?: number | undefined;
  /** Called with errors whose causes are not sent to clients. */
  readonly onError?: ((error: ShoalError) => void) | undefined;
}

/** The results of a connection's uploads. */
export interface UploadHandlers {
  /** The model of this upload is complete on the disk. */
  sealed(id: number, model: StagedModel): void;
  failed(id: number, error: ShoalError): void;
}

/** The pushed models of all connections: their files, and the one that is in memory. */
export class Uploads {
  readonly #folder: StagingFolder;
  readonly #quota: StorageQuota;
  readonly #shared = new SharedFiles();
  readonly #slot: ModelSlot;
  readonly #onError: (error: ShoalError) => void;
  readonly #removals = new Set<Promise<void>>();

  static async open(options: UploadsOptions): Promise<Uploads> {
    return new Uploads(options, await openStagingFolder(options.folder));
  }

  private constructor(options: UploadsOptions, folder: StagingFolder) {
    const { mount, quotaBytes = STORAGE_QUOTA_BYTES, keepAliveMs = PUSHED_KEEP_ALIVE_MS, onError = () => {} } = options;
    this.#folder = folder;
    const slot = new ModelSlot({ mount, keepAliveMs, onError });
    this.#slot = slot;
    // A model that no connection uses gives up its place on the disk for a new one.
    this.#quota = new StorageQuota({ folder: folder.path, quotaBytes, makeRoom: () => slot.emptyIfUnused() });
    this.#onError = onError;
  }

  /** Creates the uploads of one connection. */
  ofConnection(handlers: UploadHandlers): ConnectionUploads {
    const shared = { quota: this.#quota, shared: this.#shared };
    const onError = this.#onError;
    return new ConnectionUploads(handlers, {
      stage: (begin, onFail) => new StagedModel({ path: this.#folder.newFile(), begin, ...shared, onFail, onError }),
      remove: (model) => this.#remove(model),
    });
  }

  /** Loads a model in place of the one in memory. Returns its engine. */
  load(model: StagedModel | undefined): Promise<Engine> {
    return model === undefined ? Promise.reject(notMounted()) : this.#slot.load(model);
  }

  /** Removes everything from memory and from the disk. */
  async close(): Promise<void> {
    await this.#slot.close();
    while (this.#removals.size > 0) await Promise.all(this.#removals);
    await this.#folder.close();
  }

  #remove(model: StagedModel): void {
    const removal = model.discard().then(() => {
      this.#slot.left();
      this.#removals.delete(removal);
    });
    this.#removals.add(removal);
  }
}

interface ModelStaging {
  readonly stage: (begin: Extract<UploadStep, { type: 'begin' }>, onFail: (error: ShoalError) => void) => StagedModel;
  readonly remove: (model: StagedModel) => void;
}

/** The uploads of one connection. Its jobs use the model of the last one. */
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

  /** Resolves when the checks of a commit are done. Jobs that arrive meanwhile come after it. */
  get sealing(): Promise<void> | undefined {
    return this.#sealing;
  }

  /** Handles a step. The promise, which holds the peer back, resolves once it is on the disk. */
  receive(id: number, step: UploadStep): void | Promise<void> {
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
        return this.#owner.remove(model);
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
