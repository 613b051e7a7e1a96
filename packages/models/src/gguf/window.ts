import type { FileHandle } from 'node:fs/promises';
import { invalidGguf } from './invalid-gguf.ts';

/** Bytes per read of the file, unless the header reader needs more at once. */
const PIECE_BYTES = 256 * 1024;
/** The largest GGUF header. A larger one is refused; vocabularies of 256,000 tokens need about 20 MiB. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/**
 * A window of bytes of a file, from which a header is read. The reader yields how many bytes it needs, and its caller fills
 * the window. Lengths in the header are checked against the file's length before anything is read.
 */
export class HeaderWindow {
  readonly fileBytes: number;
  #bytes = Buffer.alloc(0);
  /** The window's position in the file. */
  #start = 0;
  /** The reader's position in the window. */
  #at = 0;

  constructor(fileBytes: number) {
    this.fileBytes = fileBytes;
  }

  /** The reader's position in the file. */
  get position(): number {
    return this.#start + this.#at;
  }

  /** Bytes that can be read before the next `fill`. */
  get available(): number {
    return Math.max(0, this.#bytes.length - this.#at);
  }

  /** Throws `INVALID_REQUEST` if the header cannot have `count` more items. Divides, to keep huge counts exact. */
  checkRemaining(count: number, bytesEach = 1): void {
    const left = Math.min(this.fileBytes, MAX_HEADER_BYTES) - this.position;
    if (count <= left / bytesEach) return;
    throw invalidGguf(
      this.fileBytes > MAX_HEADER_BYTES && count <= (this.fileBytes - this.position) / bytesEach
        ? `its header has more than ${MAX_HEADER_BYTES / 1024 ** 2} MiB`
        : 'it ends within its header, or a count in its header is wrong',
    );
  }

  /** Skips bytes without reading them, after `checkRemaining`. */
  skip(count: number): void {
    this.#at += count;
  }

  read(count: number): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }

  u32(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  /** Rounded beyond 2^53, which is above every limit. */
  u64(): number {
    const low = this.#bytes.readUInt32LE(this.#at);
    const high = this.#bytes.readUInt32LE(this.#at + 4);
    this.#at += 8;
    return high * 2 ** 32 + low;
  }

  /** Reads at least `needed` bytes from the file. Throws `INVALID_REQUEST` if it ends before. */
  async fill(file: FileHandle, needed: number): Promise<void> {
    const start = this.position;
    const length = Math.min(Math.max(needed, PIECE_BYTES), this.fileBytes - start);
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    if (filled < needed) throw invalidGguf('it ends within its header');
    this.#bytes = bytes.subarray(0, filled);
    this.#start = start;
    this.#at = 0;
  }
}

/** A generator that reads part of a header: yields how many bytes it needs in the window, and returns the result. */
export type HeaderReader<T> = Generator<number, T, undefined>;

export function* need(window: HeaderWindow, bytes: number): HeaderReader<void> {
  if (window.available >= bytes) return;
  window.checkRemaining(bytes);
  yield bytes;
}
