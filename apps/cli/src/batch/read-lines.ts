import type { FileHandle } from 'node:fs/promises';

/** How much of a file is read at once. */
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 10;

export interface RawLine {
  /** From 1. */
  readonly number: number;
  /** Without the newline, and at most `maxBytes`. */
  readonly bytes: Uint8Array;
  /** True if the line is longer than `bytes`. */
  readonly isCut: boolean;
  /** False for the last line of a file that does not end with a newline. */
  readonly isEnded: boolean;
  /** The offset of the line in the file, in bytes. */
  readonly start: number;
}

export interface ReadOptions {
  /** The rest of a longer line is skipped and not stored. */
  readonly maxBytes: number;
  /** Called with every byte of the file, in order. */
  readonly onBytes?: ((bytes: Uint8Array) => void) | undefined;
}

/** Reads a file's lines from its beginning. Memory holds one chunk and one line, whatever the file's size. */
export async function* readLines(file: FileHandle, { maxBytes, onBytes }: ReadOptions): AsyncGenerator<RawLine> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let parts: Buffer[] = [];
  let kept = 0;
  let length = 0;
  let number = 1;
  let start = 0;
  const keep = (bytes: Buffer): void => {
    length += bytes.length;
    const some = bytes.subarray(0, maxBytes - kept);
    if (some.length === 0) return;
    // The chunk's buffer is reused.
    parts.push(Buffer.from(some));
    kept += some.length;
  };
  const line = (isEnded: boolean): RawLine => ({
    number,
    bytes: Buffer.concat(parts),
    isCut: kept < length,
    isEnded,
    start,
  });
  for (let position = 0; ;) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    const bytes = chunk.subarray(0, bytesRead);
    onBytes?.(bytes);
    let from = 0;
    for (let to = bytes.indexOf(NEWLINE); to !== -1; to = bytes.indexOf(NEWLINE, from)) {
      keep(bytes.subarray(from, to));
      yield line(true);
      from = to + 1;
      [parts, kept, length, number, start] = [[], 0, 0, number + 1, position + from];
    }
    keep(bytes.subarray(from));
    position += bytesRead;
  }
  if (length > 0) yield line(false);
}
