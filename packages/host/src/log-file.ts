import { copyFileSync, fstatSync, ftruncateSync, statSync, writeSync } from 'node:fs';
import { isDiskFull } from '@shoal/files/disk-space';

/** A larger log is emptied. Its content replaces the older file. */
export const MAX_LOG_BYTES = 8 * 1_048_576;

const STDERR = 2;

/** The path of the file with the lines before those of a log. */
export function olderLog(path: string): string {
  return `${path}.1`;
}

/**
 * The log file of a node in the background, which is its standard error. The file keeps its place when it is emptied, because
 * other programs of the node, and Node itself, write to it as well.
 */
export class LogFile {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #maxBytes: number;

  /** Returns undefined if the descriptor is another file than the one at `path`. */
  static open(path: string, descriptor = STDERR, maxBytes = MAX_LOG_BYTES): LogFile | undefined {
    const named = statSync(path, { throwIfNoEntry: false });
    const open = fstatSync(descriptor);
    const isSame = named?.isFile() === true && named.ino === open.ino && named.dev === open.dev;
    return isSame ? new LogFile(path, descriptor, maxBytes) : undefined;
  }

  private constructor(path: string, descriptor: number, maxBytes: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#maxBytes = maxBytes;
  }

  /** Leaves the line out if the disk is full. A node that has no room for its log goes on. */
  write(line: string): void {
    unlessFull(() => writeSync(this.#descriptor, line));
    if (fstatSync(this.#descriptor).size <= this.#maxBytes) return;
    unlessFull(() => copyFileSync(this.#path, olderLog(this.#path)));
    ftruncateSync(this.#descriptor, 0);
  }
}

/** Does a write, or nothing if the disk is full. */
export function unlessFull(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}
