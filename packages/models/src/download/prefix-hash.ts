import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Digest } from '@shoal/files/digest';

const READ_PIECE_BYTES = 1024 * 1024;

/**
 * The SHA-256 of a file that is still being written, in order: follows what is there without a gap, while the rest
 * arrives. What it reads was just written, and comes from memory.
 */
export class PrefixHash {
  readonly #path: string;
  readonly #piece = Buffer.allocUnsafe(READ_PIECE_BYTES);
  #hash = createHash('sha256');
  #at = 0;
  #end = 0;
  #following: Promise<void> | undefined;
  #failure: unknown;

  constructor(path: string) {
    this.#path = path;
  }

  /** The first `end` bytes are there. Never waits. */
  follow(end: number): void {
    this.#end = Math.max(this.#end, end);
    if (this.#following !== undefined || this.#failure !== undefined || this.#end - this.#at < READ_PIECE_BYTES) return;
    this.#following = this.#read()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#following = undefined;
      });
  }

  /** What was there is replaced by something else. */
  async restart(): Promise<void> {
    this.#end = 0;
    await this.#following;
    this.#hash = createHash('sha256');
    this.#at = 0;
  }

  /** Of the whole file, which has so many bytes. */
  async digest(totalBytes: number, signal?: AbortSignal): Promise<Digest> {
    await this.#following;
    if (this.#failure !== undefined) throw this.#failure;
    this.#end = totalBytes;
    await this.#read(signal);
    return `sha256:${this.#hash.digest('hex')}`;
  }

  /** Resolves when nothing reads the file any more. */
  async close(): Promise<void> {
    this.#end = 0;
    await this.#following;
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
    if (bytesRead === 0) throw new Error(`${this.#path} is shorter than what was written`);
    this.#hash.update(this.#piece.subarray(0, bytesRead));
    this.#at += bytesRead;
  }
}
