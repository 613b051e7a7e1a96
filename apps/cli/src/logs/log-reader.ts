import { open, readFile, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { isMissing } from '@shoal/files/error-code';
import { olderLog } from '@shoal/host/log-file';

/** The log is looked at again after this time. */
const LOOK_MS = 200;

/** Reads a log file, and what is written to it later. Nothing is lost when the file is emptied or replaced by a new one. */
export class LogReader {
  readonly #path: string;
  #inode = 0;
  /** Bytes that were read of the file. */
  #offset = 0;
  /** The start of a line whose end is not written yet. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** Returns all lines of the older file and of this one. Undefined if neither exists. */
  async lines(): Promise<string[] | undefined> {
    const [older, log] = [await bytesOf(olderLog(this.#path)), await bytesOf(this.#path)];
    if (older === undefined && log === undefined) return undefined;
    this.#inode = (await inodeOf(this.#path)) ?? 0;
    this.#offset = log?.length ?? 0;
    return [...this.#split(older ?? Buffer.alloc(0)), ...this.#split(log ?? Buffer.alloc(0))];
  }

  /** Yields each batch of lines that is written from now on, until the signal aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<string[]> {
    while (!signal.aborted) {
      const lines = await this.#added();
      if (lines.length > 0) yield lines;
      // The wait is rejected when the signal aborts, which ends the loop.
      else await wait(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #added(): Promise<string[]> {
    const found = await stat(this.#path).catch(unlessMissing);
    if (found === undefined) return [];
    const isNew = found.size < this.#offset || (this.#inode !== 0 && found.ino !== this.#inode);
    // The lines that were not read before the file was emptied or renamed are in the older one.
    const missed = isNew ? await bytesOf(olderLog(this.#path), this.#offset) : undefined;
    if (isNew) this.#offset = 0;
    this.#inode = found.ino;
    const added = found.size === this.#offset ? undefined : await bytesOf(this.#path, this.#offset);
    this.#offset += added?.length ?? 0;
    return [missed, added].flatMap((bytes) => (bytes === undefined ? [] : this.#split(bytes)));
  }

  #split(bytes: Buffer): string[] {
    const end = bytes.lastIndexOf('\n');
    const whole = Buffer.concat([this.#rest, bytes.subarray(0, end + 1)]);
    this.#rest = end === -1 ? Buffer.concat([this.#rest, bytes]) : bytes.subarray(end + 1);
    if (end === -1) return [];
    return whole
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
  }
}

/** The bytes of a file from an offset. Undefined if there is no such file. */
async function bytesOf(path: string, offset = 0): Promise<Buffer | undefined> {
  if (offset === 0) return readFile(path).catch(unlessMissing);
  const file = await open(path).catch(unlessMissing);
  if (file === undefined) return undefined;
  try {
    const length = Math.max(0, (await file.stat()).size - offset);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(unlessMissing))?.ino;
}

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
