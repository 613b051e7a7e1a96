import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { isDiskFull } from '@shoal/files/disk-space';
import { FILE_MODE } from '@shoal/files/durable-write';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol';
import {
  digestMismatch,
  type ModelConfiguration,
  readModelConfiguration,
  type UploadStep,
} from '@shoal/protocol/donate';
import { checkGgufHeader, GGUF_HEADER_BYTES } from './gguf-header.ts';
import type { Reservation, StorageQuota } from './storage-quota.ts';

export interface StagedModelOptions {
  /** A file that does not exist yet. */
  readonly file: string;
  readonly begin: Extract<UploadStep, { type: 'begin' }>;
  readonly quota: StorageQuota;
  /** Called once where it cannot be kept; nothing more is done then but to discard it. */
  readonly onFail: (error: ShoalError) => void;
  /** What went wrong where it was discarded. */
  readonly onError: (error: ShoalError) => void;
}

/**
 * A pushed model on the disk: written and hashed as it comes, one piece at a time, and gone when it is discarded. What is
 * asked of it is done in order; no method rejects.
 */
export class StagedModel {
  readonly file: string;
  readonly configuration: ModelConfiguration;
  readonly #options: StagedModelOptions;
  readonly #discardListeners: (() => void)[] = [];
  readonly #hash = createHash('sha256');
  #header = new Uint8Array(0);
  #handle: FileHandle | undefined;
  #reservation: Reservation | undefined;
  #work: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(options: StagedModelOptions) {
    this.#options = options;
    this.file = options.file;
    this.configuration = readModelConfiguration(options.begin.configuration);
  }

  /** Whether it has failed or was discarded. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Takes its place on the disk. */
  prepare(): Promise<void> {
    return this.#do(async () => {
      this.#reservation = await this.#options.quota.reserve(this.#options.begin.length);
      this.#handle = await open(this.file, 'wx', FILE_MODE);
    });
  }

  /** The array is used up. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#do(async () => {
      const written = this.#writeAll(bytes);
      this.#hash.update(bytes);
      if (this.#header.length < GGUF_HEADER_BYTES) {
        this.#header = Buffer.concat([this.#header, bytes.subarray(0, GGUF_HEADER_BYTES - this.#header.length)]);
      }
      await written;
      this.#reservation?.wrote(bytes.length);
      giveBack(bytes);
    });
  }

  /** Every byte has come: checks its digest and that it begins as a GGUF file does. */
  seal(): Promise<void> {
    return this.#do(async () => {
      await this.#closeFile();
      const { sha256, length } = this.#options.begin;
      if (sha256 !== undefined && this.#hash.digest('hex') !== sha256) throw digestMismatch();
      checkGgufHeader(this.#header, length);
    });
  }

  /** Called once, when it is discarded. */
  onDiscard(listener: () => void): void {
    this.#discardListeners.push(listener);
  }

  discard(): Promise<void> {
    this.#isOver = true;
    for (const listener of this.#discardListeners.splice(0)) listener();
    this.#work = this.#work.then(async () => {
      await this.#attempt(() => this.#closeFile());
      // What cannot be removed keeps its share of the disk.
      await this.#attempt(async () => {
        await rm(this.file, { force: true });
        this.#reservation?.release();
      });
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
      if (bytesWritten === 0) throw new Error('The file takes no more bytes.');
      at += bytesWritten;
    }
  }

  async #closeFile(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

/** The collector would come only after many such pieces. One that shares its memory with others is left to it. */
function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

function asStorageError(thrown: unknown): ShoalError {
  // EFBIG: the file is larger than the file system or the user's limit allows.
  if (isDiskFull(thrown) || errorCode(thrown) === 'EFBIG') {
    return new ShoalError('STORAGE_FULL', 'The disk is full.', { cause: thrown });
  }
  return ShoalError.from(thrown);
}
