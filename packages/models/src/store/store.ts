import { mkdir, rm, stat } from 'node:fs/promises';
import type { FileLock } from '@shoal/files/file-lock';
import { ShoalError } from '@shoal/protocol';
import { type Digest, hexOf, isDigest, modelDigest } from '@shoal/files/digest';
import { toWriteError } from '@shoal/files/disk-space';
import { FOLDER_MODE, renameDurably, syncFolder } from '@shoal/files/durable-write';
import { errorCode, isMissing } from '@shoal/files/error-code';
import { type IncomingPaths, Layout } from './layout.ts';
import { tryLock, waitForLock } from './lock.ts';
import { parseName } from './name.ts';
import { hasParts, linkParts, partPath } from './parts.ts';
import { pruneStore } from './prune.ts';
import { type FileReference, readReference, readReferences, type Reference, writeReference } from './reference.ts';
import { type Verification, verifyStore, type VerifyOptions } from './verify.ts';

/** A model of the store. */
export interface StoredModel extends Reference {
  readonly digest: Digest;
  readonly bytes: number;
  /** What an engine loads: the file, or the first of its parts. */
  readonly path: string;
  /** All files in order, for `inspectModel`. */
  readonly paths: readonly string[];
}

/** A file that is ready to be seen: checked and synced, still under its temporary name or a blob already. */
export interface ReadyFile extends FileReference {
  readonly incoming?: IncomingPaths | undefined;
}

/**
 * Models by name, and their files by content: `blobs` holds each file once, under its SHA-256, and `names` says what
 * belongs to a name. Any number of processes may use one store. A model is there whole or not at all, whenever a
 * process dies.
 */
export class ModelStore {
  readonly #layout: Layout;

  private constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Makes the folder where it is missing. Throws `INVALID_REQUEST` where it cannot be written. */
  static async open(folder: string): Promise<ModelStore> {
    const layout = new Layout(folder);
    try {
      for (const each of layout.folders) await mkdir(each, { recursive: true, mode: FOLDER_MODE });
    } catch (error) {
      throw new ShoalError('INVALID_REQUEST', `Models cannot be kept in ${layout.root} (${errorCode(error)}).`, {
        cause: error,
      });
    }
    return new ModelStore(layout);
  }

  get folder(): string {
    return this.#layout.root;
  }

  async list(): Promise<StoredModel[]> {
    const { references } = await readReferences(this.#layout);
    return references.map((reference) => this.#stored(reference));
  }

  /** By name, or by the digest of a model that has one. Throws `MODEL_NOT_FOUND` that lists what is there. */
  async resolve(nameOrDigest: string): Promise<StoredModel> {
    const model = await this.find(nameOrDigest);
    if (model !== undefined) return model;
    const names = (await this.list()).map(({ name }) => name);
    throw ShoalError.modelNotFound(nameOrDigest, names);
  }

  /** As `resolve`; undefined where there is none. */
  async find(nameOrDigest: string): Promise<StoredModel | undefined> {
    if (isDigest(nameOrDigest)) return (await this.list()).find(({ digest }) => digest === nameOrDigest);
    const reference = await readReference(this.#layout.name(parseName(nameOrDigest)));
    return reference && this.#stored(reference);
  }

  /** Gives a model one more name, which costs no space. Whatever had that name before loses it. */
  async copy(nameOrDigest: string, to: string): Promise<StoredModel> {
    const name = parseName(to);
    return this.#withNames(async () => {
      const { files, source, addedAt } = await this.resolve(nameOrDigest);
      return this.#setName({ name, files, source, addedAt });
    });
  }

  /** Takes a name away, and the files that no other name needs. */
  async remove(name: string): Promise<{ readonly freedBytes: number }> {
    return this.#withNames(async () => {
      const model = await this.resolve(parseName(name));
      await rm(this.#layout.name(model.name));
      await syncFolder(this.#layout.names);
      return { freedBytes: await this.#removeUnused(model) };
    });
  }

  async verify(options: VerifyOptions = {}): Promise<Verification> {
    return verifyStore(this.#layout, options);
  }

  /** Removes what no name refers to: unfinished downloads and files that a crash left. What a pull is at work on stays. */
  async prune(): Promise<{ readonly freedBytes: number }> {
    return this.#withNames(() => pruneStore(this.#layout));
  }

  /** For pulls: where the download of this key is written. A key is 64 hexadecimal digits. */
  incoming(key: string): IncomingPaths {
    return this.#layout.incoming(key);
  }

  /** For pulls: the right to write that download, or to count on that blob, until it is released. */
  async lock(key: string, signal?: AbortSignal, onWait?: () => void): Promise<FileLock> {
    return waitForLock(this.#layout.lock(key), signal, onWait);
  }

  /** For pulls: the path and size of a blob that is there. */
  async blob(digest: Digest): Promise<{ readonly path: string; readonly bytes: number } | undefined> {
    const path = this.#layout.blob(digest);
    try {
      return { path, bytes: (await stat(path)).size };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** For pulls: makes a whole, checked and synced model visible. Throws `STORAGE_FULL`, and then nothing is visible. */
  async admit(name: string, source: string, files: readonly [ReadyFile, ...ReadyFile[]]): Promise<StoredModel> {
    return this.#withNames(async () => {
      for (const { digest, incoming } of files) {
        if (incoming !== undefined) await renameDurably(incoming.path, this.#layout.blob(digest));
        else if ((await this.blob(digest)) === undefined) throw vanished(digest);
      }
      const [first, ...rest] = files.map(({ digest, bytes }) => ({ digest, bytes }));
      if (first === undefined) throw new ShoalError('INTERNAL', 'A model without files cannot be kept.');
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

  /** The files of a model that no name refers to any more. One that a pull counts on stays. */
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
    const place = (index: number, file: Digest): string =>
      digests.length === 1 ? this.#layout.blob(file) : partPath(this.#layout.partsOf(digest), index, digests.length);
    return {
      ...reference,
      digest,
      bytes: reference.files.reduce((total, file) => total + file.bytes, 0),
      path: place(0, reference.files[0].digest),
      paths: digests.map((file, index) => place(index, file)),
    };
  }

  async #withNames<T>(work: () => Promise<T>): Promise<T> {
    const lock = await waitForLock(this.#layout.lock('names'));
    try {
      return await work();
    } finally {
      lock.release();
    }
  }
}

function vanished(digest: Digest): ShoalError {
  return new ShoalError('INTERNAL', `The file ${digest} was taken away in the meantime. Pull the model again.`);
}
