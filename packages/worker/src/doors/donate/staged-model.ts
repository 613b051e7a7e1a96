import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { isDiskFull } from '@shoal/files/disk-space';
import { FILE_MODE } from '@shoal/files/durable-write';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol/error';
import {
  digestMismatch,
  type ModelConfiguration,
  readModelConfiguration,
  type UploadStep,
} from '@shoal/protocol/donate';
import { checkGgufHeader, GGUF_HEADER_BYTES } from './gguf-header.ts';
import { ModelFile, type SharedFiles } from './model-file.ts';
import type { StorageQuota } from './storage-quota.ts';

export interface StagedModelOptions {
  /** A file that does not exist yet. */
  readonly path: string;
  readonly begin: Extract<UploadStep, { type: 'begin' }>;
  readonly quota: Pick<StorageQuota, 'reserve'>;
  readonly shared: SharedFiles;
  /** Called once if the model cannot be stored. It can then only be discarded. */
  readonly onFail: (error: ShoalError) => void;
  /** Called with errors of `discard`. */
  readonly onError: (error: ShoalError) => void;
}

/**
 * A pushed model on the disk. It is written and hashed piece by piece. Once complete, it uses the one file that all models with
 * the same content share. It leaves its file when it is discarded. Calls are carried out in order; no method rejects.
 */
export class StagedModel {
  readonly configuration: ModelConfiguration;
  readonly #options: StagedModelOptions;
  readonly #discardListeners: (() => void)[] = [];
  readonly #hash = createHash('sha256');
  #file: ModelFile;
  #header = new Uint8Array(0);
  #handle: FileHandle | undefined;
  #work: Promise<void> = Promise.resolve();
  #isOver = false;
  #isDiscarded = false;

  constructor(options: StagedModelOptions) {
    this.#options = options;
    this.#file = new ModelFile(options.path);
    this.configuration = readModelConfiguration(options.begin.configuration);
  }

  /** After `seal` it may be that of another model with the same content. */
  get file(): ModelFile {
    return this.#file;
  }

  /** True if it has failed or was discarded. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Reserves space and creates the file. */
  prepare(): Promise<void> {
    return this.#do(async () => {
      this.#file.reservation = await this.#options.quota.reserve(this.#options.begin.length);
      this.#handle = await open(this.#file.path, 'wx', FILE_MODE);
    });
  }

  /** Appends bytes. The array must not be used afterwards. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#do(async () => {
      await this.#file.reservation?.need(bytes.length);
      const written = this.#writeAll(bytes);
      this.#hash.update(bytes);
      if (this.#header.length < GGUF_HEADER_BYTES) {
        this.#header = Buffer.concat([this.#header, bytes.subarray(0, GGUF_HEADER_BYTES - this.#header.length)]);
      }
      await written;
      this.#file.reservation?.wrote(bytes.length);
      releaseMemory(bytes);
    });
  }

  /** Call after the last byte: checks the digest and the GGUF header, and removes the file if another has the same content. */
  seal(): Promise<void> {
    return this.#do(async () => {
      await this.#closeFile();
      const { sha256, length } = this.#options.begin;
      const digest = this.#hash.digest('hex');
      if (sha256 !== undefined && digest !== sha256) throw digestMismatch();
      checkGgufHeader(this.#header, length);
      const own = this.#file;
      this.#file = this.#options.shared.share(digest, own);
      if (this.#file !== own) await this.#attempt(() => own.leave());
    });
  }

  /** Adds a listener, called once when the model is discarded. */
  onDiscard(listener: () => void): void {
    this.#discardListeners.push(listener);
  }

  /** Safe to call twice. */
  discard(): Promise<void> {
    this.#isOver = true;
    if (this.#isDiscarded) return this.#work;
    this.#isDiscarded = true;
    for (const listener of this.#discardListeners.splice(0)) listener();
    this.#work = this.#work.then(async () => {
      await this.#attempt(() => this.#closeFile());
      await this.#attempt(() => this.#file.leave());
    });
    return this.#work;
  }

  #do(step: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(async () => {
      if (this.#isOver) return;
      try {
        await step();
      } catch (thrown) {
        if (this.#isOver) return;
        this.#isOver = true;
        this.#options.onFail(asStorageError(thrown));
      }
    });
    return this.#work;
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (thrown) {
      this.#options.onError(ShoalError.from(thrown));
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten = 0 } = (await this.#handle?.write(bytes, at)) ?? {};
      if (bytesWritten === 0) throw new Error('The file accepts no more bytes.');
      at += bytesWritten;
    }
  }

  async #closeFile(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** Frees the memory of a piece, because the collector would run only after many. Skips one that shares its buffer. */
function releaseMemory({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

function asStorageError(thrown: unknown): ShoalError {
  // EFBIG: the file is larger than the file system or the user's limit allows.
  if (isDiskFull(thrown) || errorCode(thrown) === 'EFBIG') {
    return new ShoalError('STORAGE_FULL', 'The disk is full.', { cause: thrown });
  }
  return ShoalError.from(thrown);
}
