import { rm, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileLock } from '@shoal/files/file-lock';
import { untilLocked } from '@shoal/files/until-locked';
import { ShoalError } from '@shoal/protocol/error';
import { type Digest, hexOf, isDigest, modelDigest } from '@shoal/files/digest';
import { toWriteError } from '@shoal/files/disk-space';
import { renameDurably, syncFolder } from '@shoal/files/durable-write';
import { errorCode, isMissing } from '@shoal/files/error-code';
import { makeFolder } from '@shoal/files/make-folder';
import { type IncomingPaths, Layout } from './layout.ts';
import { tryLock } from './lock.ts';
import { parseName } from './name.ts';
import { hasParts, linkParts, partPath } from './parts.ts';
import { pruneStore } from './prune.ts';
import { type FileReference, readReference, readReferences, type Reference, writeReference } from './reference.ts';
import { type Verification, verifyStore, type VerifyOptions } from './verify.ts';

/** A model in the store. */
export interface StoredModel extends Reference {
  readonly digest: Digest;
  readonly bytes: number;
  /** The file that an engine loads: the model's file or its first part. */
  readonly path: string;
  /** All files in order, for `inspectModel`. */
  readonly paths: readonly string[];
}

/** A checked and synced file: an incoming download, or a blob of the store. */
export interface ReadyFile extends FileReference {
  readonly incoming?: IncomingPaths | undefined;
}

/**
 * A store of models: `blobs` holds each file once, under its SHA-256, and `names` holds the files of each name. Any number of
 * processes may use one store. A model is complete or absent, even if a process is killed.
 */
export class ModelStore {
  readonly #layout: Layout;
  /** The first folder that did not exist before and that this store has created. */
  #created: string | undefined;

  private constructor(layout: Layout, created: string | undefined) {
    this.#layout = layout;
    this.#created = created;
  }

  /** Creates missing folders. Throws `INVALID_REQUEST` if that fails. */
  static async open(folder: string): Promise<ModelStore> {
    const layout = new Layout(folder);
    try {
      return new ModelStore(layout, createFolders(layout));
    } catch (error) {
      throw new ShoalError(
        'INVALID_REQUEST',
        `Models cannot be stored in ${layout.root} (${errorCode(error)}). Set SHOAL_MODELS to a folder that this user may write to.`,
        {
          cause: error,
        },
      );
    }
  }

  get folder(): string {
    return this.#layout.root;
  }

  async list(): Promise<StoredModel[]> {
    const { references } = await readReferences(this.#layout);
    return references.map((reference) => this.#stored(reference));
  }

  /** Finds a model by name or digest. Throws `MODEL_NOT_FOUND`, with the names that exist. */
  async resolve(nameOrDigest: string): Promise<StoredModel> {
    const model = await this.find(nameOrDigest);
    if (model !== undefined) return model;
    const names = (await this.list()).map(({ name }) => name);
    throw ShoalError.modelNotFound(nameOrDigest, names);
  }

  /** As `resolve`, but returns undefined if there is no such model. */
  async find(nameOrDigest: string): Promise<StoredModel | undefined> {
    if (isDigest(nameOrDigest)) return (await this.list()).find(({ digest }) => digest === nameOrDigest);
    const reference = await readReference(this.#layout.name(parseName(nameOrDigest)));
    return reference && this.#stored(reference);
  }

  /** Gives a model another name, which takes no space. Replaces an earlier model of that name. */
  async copy(nameOrDigest: string, to: string): Promise<StoredModel> {
    const name = parseName(to);
    return this.#withNamesLock(async () => {
      const { files, source, addedAt } = await this.resolve(nameOrDigest);
      return this.#setName({ name, files, source, addedAt });
    });
  }

  /** Removes a name and the files that no other name uses. */
  async remove(name: string): Promise<{ readonly freedBytes: number }> {
    return this.#withNamesLock(async () => {
      const model = await this.resolve(parseName(name));
      await rm(this.#layout.name(model.name));
      await syncFolder(this.#layout.names);
      return { freedBytes: await this.#removeUnused(model) };
    });
  }

  async verify(options: VerifyOptions = {}): Promise<Verification> {
    return verifyStore(this.#layout, options);
  }

  /** Removes unfinished downloads and files without a name, except those that a pull uses. */
  async prune(): Promise<{ readonly freedBytes: number }> {
    return this.#withNamesLock(() => pruneStore(this.#layout));
  }

  /** For pulls: the paths of the download with this key of 64 hexadecimal digits. */
  incoming(key: string): IncomingPaths {
    return this.#layout.incoming(key);
  }

  /**
   * For pulls: the lock for writing that download, or for keeping that blob. `onWait` is called if it is not free at first. Throws
   * when aborted.
   */
  async lock(key: string, signal?: AbortSignal, onWait?: () => void): Promise<FileLock> {
    const path = this.#layout.lock(key);
    const tryAgain = (): FileLock | undefined => {
      // A refused pull may have removed the folders of an empty store in the meantime.
      const created = createFolders(this.#layout);
      this.#created ??= created;
      return tryLock(path);
    };
    return untilLocked(tryAgain, { signal, onWait });
  }

  /**
   * For refused pulls, which hold the locks of these keys: removes what was received, and the files of the locks.
   */
  async discard(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const { path, statePath } = this.#layout.incoming(key);
      for (const file of [statePath, path]) await rm(file, { force: true });
      // Windows cannot remove an open file. The file of a lock is empty.
      if (process.platform !== 'win32') await rm(this.#layout.lock(key), { force: true });
    }
  }

  /** For refused pulls: removes the folders that opening this store has created, if nothing is in them. */
  async removeCreated(): Promise<void> {
    if (this.#created !== undefined) await removeEmptyFolders(this.#layout, this.#created);
  }

  /** For pulls: the path and size of a blob, or undefined if it does not exist. */
  async blob(digest: Digest): Promise<{ readonly path: string; readonly bytes: number } | undefined> {
    const path = this.#layout.blob(digest);
    try {
      return { path, bytes: (await stat(path)).size };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** For pulls: adds a complete, checked and synced model. If it throws, such as `STORAGE_FULL`, the name is unchanged. */
  async add(name: string, source: string, files: readonly [ReadyFile, ...ReadyFile[]]): Promise<StoredModel> {
    return this.#withNamesLock(async () => {
      for (const { digest, incoming } of files) {
        if (incoming !== undefined) await renameDurably(incoming.path, this.#layout.blob(digest));
        else if ((await this.blob(digest)) === undefined) throw blobRemoved(digest);
      }
      const [first, ...rest] = files.map(({ digest, bytes, etag }) => ({
        digest,
        bytes,
        ...(etag !== undefined && { etag }),
      }));
      if (first === undefined) throw new ShoalError('INTERNAL', 'A model without files cannot be stored.');
      const model = await this.#setName({ name, source, files: [first, ...rest], addedAt: new Date().toISOString() });
      for (const { incoming } of files) if (incoming !== undefined) await rm(incoming.statePath, { force: true });
      return model;
    });
  }

  async #setName(reference: Reference): Promise<StoredModel> {
    const model = this.#stored(reference);
    const digests = reference.files.map(({ digest }) => digest);
    try {
      if (digests.length > 1 && !(await hasParts(this.#layout, model.digest, digests))) {
        await linkParts(this.#layout, model.digest, digests);
      }
    } catch (error) {
      throw toWriteError(error, this.#layout.partsOf(model.digest));
    }
    const before = await this.find(reference.name);
    await writeReference(this.#layout, reference);
    if (before !== undefined) await this.#removeUnused(before);
    return model;
  }

  /** Removes the files of a model that no name uses, except those that a pull uses. Returns the freed bytes. */
  async #removeUnused(model: StoredModel): Promise<number> {
    const others = await this.list();
    if (model.files.length > 1 && !others.some(({ digest }) => digest === model.digest)) {
      await rm(this.#layout.partsOf(model.digest), { recursive: true, force: true });
    }
    let freedBytes = 0;
    for (const [digest, bytes] of new Map(model.files.map((file) => [file.digest, file.bytes]))) {
      if (others.some(({ files }) => files.some((file) => file.digest === digest))) continue;
      const lock = tryLock(this.#layout.lock(hexOf(digest)));
      if (lock === undefined) continue;
      await rm(this.#layout.blob(digest), { force: true });
      lock.release();
      freedBytes += bytes;
    }
    return freedBytes;
  }

  #stored(reference: Reference): StoredModel {
    const digests = reference.files.map(({ digest }) => digest);
    const digest = modelDigest(digests);
    const pathOf = (index: number, file: Digest): string =>
      digests.length === 1 ? this.#layout.blob(file) : partPath(this.#layout.partsOf(digest), index, digests.length);
    return {
      ...reference,
      digest,
      bytes: reference.files.reduce((total, file) => total + file.bytes, 0),
      path: pathOf(0, reference.files[0].digest),
      paths: digests.map((file, index) => pathOf(index, file)),
    };
  }

  async #withNamesLock<T>(work: () => Promise<T>): Promise<T> {
    const lock = await this.lock('names');
    try {
      return await work();
    } finally {
      lock.release();
    }
  }
}

/** Returns the first folder that was created. Undefined if all of them exist. */
function createFolders(layout: Layout): string | undefined {
  let created: string | undefined;
  for (const folder of layout.folders) {
    const first = makeFolder(folder);
    created ??= first;
  }
  return created;
}

/** Removes the folders of a store, and those above it down from `created`, as long as they are empty. The locks' folder is first. */
async function removeEmptyFolders(layout: Layout, created: string): Promise<void> {
  const folders = layout.folders.toReversed();
  for (let above = dirname(layout.root); above.length >= created.length; above = dirname(above)) folders.push(above);
  try {
    for (const folder of folders) {
      // Another refused pull may remove them at the same time.
      await rmdir(folder).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error))) throw error;
  }
}

function blobRemoved(digest: Digest): ShoalError {
  return new ShoalError('INTERNAL', `The file ${digest} was removed during the pull. Pull the model again.`);
}
