import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Digest } from '@shoal/files/digest';

const READ_PIECE_BYTES = 1024 * 1024;

/**
 * Computes the SHA-256 of a file while it is being written: hashes the bytes before the first gap as the rest arrives. They
 * were just written, so reading them comes from the page cache.
 */
export class PrefixHash {
  readonly #path: string;
  readonly #piece = Buffer.allocUnsafe(READ_PIECE_BYTES);
  #hash = createHash('sha256');
  #at = 0;
  #end = 0;
  #reading: Promise<void> | undefined;
  #failure: unknown;

  constructor(path: string) {
    this.#path = path;
  }

  /** Hashes up to `end`, in the background. The first `end` bytes must be written. */
  advance(end: number): void {
    this.#end = Math.max(this.#end, end);
    if (this.#reading !== undefined || this.#failure !== undefined || this.#end - this.#at < READ_PIECE_BYTES) return;
    this.#reading = this.#read()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#reading = undefined;
      });
  }

  /** Starts again, because the content was replaced. */
  async restart(): Promise<void> {
    this.#end = 0;
    await this.#reading;
    this.#hash = createHash('sha256');
    this.#at = 0;
  }

  /** The digest of the whole file of `totalBytes`. */
  async digest(totalBytes: number, signal?: AbortSignal): Promise<Digest> {
    await this.#reading;
    if (this.#failure !== undefined) throw this.#failure;
    this.#end = totalBytes;
    await this.#read(signal);
    return `sha256:${this.#hash.digest('hex')}`;
  }

  /** Stops hashing. Resolves when the file is no longer read. */
  async close(): Promise<void> {
    this.#end = 0;
    await this.#reading;
  }

  async #read(signal?: AbortSignal): Promise<void> {
    const file = await open(this.#path);
    try {
      while (this.#at < this.#end) {
        signal?.throwIfAborted();
        await this.#readPiece(file);
      }
    } finally {
      await file.close();
    }
  }

  async #readPiece(file: FileHandle): Promise<void> {
    const length = Math.min(READ_PIECE_BYTES, this.#end - this.#at);
    const { bytesRead } = await file.read(this.#piece, 0, length, this.#at);
    if (bytesRead === 0) throw new Error(`${this.#path} is shorter than the bytes written to it`);
    this.#hash.update(this.#piece.subarray(0, bytesRead));
    this.#at += bytesRead;
  }
}
