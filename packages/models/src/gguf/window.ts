import type { FileHandle } from 'node:fs/promises';
import { invalidGguf } from './invalid-gguf.ts';

/** Read from the file at a time; a reader that needs more at once asks for it. */
const PIECE_BYTES = 256 * 1024;
/** The largest GGUF header. A larger one is refused; vocabularies of 256,000 tokens need about 20 MiB. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/**
 * The part of a file that a header's reader has before it. The reader takes from it and says how many bytes it needs;
 * whoever drives the reader fills it. What a header claims is held against what the file has before anything is read.
 */
export class HeaderWindow {
  readonly fileBytes: number;
  #bytes = Buffer.alloc(0);
  /** Where the window begins in the file, and how far the reader is in the window. */
  #start = 0;
  #at = 0;

  constructor(fileBytes: number) {
    this.fileBytes = fileBytes;
  }

  /** In the file. */
  get position(): number {
    return this.#start + this.#at;
  }

  /** Bytes that can be taken without filling. */
  get available(): number {
    return Math.max(0, this.#bytes.length - this.#at);
  }

  /** Throws `INVALID_REQUEST` where a header cannot have so many more bytes. Dividing keeps absurd counts exact. */
  expect(count: number, bytesEach = 1): void {
    const left = Math.min(this.fileBytes, MAX_HEADER_BYTES) - this.position;
    if (count <= left / bytesEach) return;
    throw invalidGguf(
      this.fileBytes > MAX_HEADER_BYTES && count <= (this.fileBytes - this.position) / bytesEach
        ? `its header has more than ${MAX_HEADER_BYTES / 1024 ** 2} MiB`
        : 'it ends within its header, or a count in its header is wrong',
    );
  }

  /** Without reading what lies between. `expect` must have allowed it. */
  skip(count: number): void {
    this.#at += count;
  }

  take(count: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }

  u32(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  /** Beyond 2^53 rounded, which no limit lets pass. */
  u64(): number {
    const low = this.#bytes.readUInt32LE(this.#at);
    const high = this.#bytes.readUInt32LE(this.#at + 4);
    this.#at += 8;
    return high * 2 ** 32 + low;
  }

  /** Makes `needed` bytes available, and more where the file has them. */
  async fill(file: FileHandle, needed: number): Promise<void> {
    const start = this.position;
    const wanted = Math.min(Math.max(needed, PIECE_BYTES), this.fileBytes - start);
    const bytes = Buffer.allocUnsafe(wanted);
    let length = 0;
    while (length < wanted) {
      const { bytesRead } = await file.read(bytes, length, wanted - length, start + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length < needed) throw invalidGguf('it ends within its header');
    this.#bytes = bytes.subarray(0, length);
    this.#start = start;
    this.#at = 0;
  }
}

/** A reader of a header: yields how many bytes it needs in its window, and returns what it read. */
export type HeaderReader<T> = Generator<number, T, undefined>;

export function* need(window: HeaderWindow, bytes: number): HeaderReader<void> {
  if (window.available >= bytes) return;
  window.expect(bytes);
  yield bytes;
}
