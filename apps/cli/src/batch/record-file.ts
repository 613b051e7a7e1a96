import { open, rm, type FileHandle } from 'node:fs/promises';
import { errorCode } from '@shoal/files/error-code';
import { CliError } from '../cli-error.ts';
import { readLines } from './read-lines.ts';
import { writeError } from './write-error.ts';

/** Of a record only its beginning is read again: which line it is of stands there. */
const RECORD_HEAD_BYTES = 256;
const OF_ANY_BATCH = '{"id":"batch_req_';

/** The id of a record: the batch's token, and the line's number in the input. */
export function recordId(token: string, line: number): string {
  return `batch_req_${token}_${line}`;
}

/** An append-only file with one result per line. After a crash an incomplete last line is removed. */
export class RecordFile {
  readonly #path: string;
  readonly #file: FileHandle;
  #size = 0;
  #isSynced = true;

  static async open(path: string): Promise<RecordFile> {
    try {
      return new RecordFile(path, await open(path, 'a+'));
    } catch (error) {
      throw CliError.usage(`${path} cannot be written (${errorCode(error)}).`);
    }
  }

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Calls `found` with the line number of each record, and removes an incomplete last one. Throws if the file has other content. */
  async recover(token: string, found: (line: number) => void): Promise<void> {
    const beginning = `{"id":"${recordId(token, 0).slice(0, -1)}`;
    const { size } = await this.#file.stat();
    this.#size = size;
    for await (const { bytes, isEnded, start } of readLines(this.#file, { maxBytes: RECORD_HEAD_BYTES })) {
      const head = new TextDecoder().decode(bytes);
      const line = head.startsWith(beginning) ? /^\d+(?=")/.exec(head.slice(beginning.length))?.[0] : undefined;
      if (isEnded && line !== undefined) found(Number(line));
      else if (!isEnded && (head.startsWith(beginning) || beginning.startsWith(head))) await this.#cut(start);
      else throw CliError.usage(`${this.#path} has lines that are not results of this batch. ${INSTEAD}`);
    }
  }

  /** Empties the file. Throws if its content is not from a batch. */
  async clear(): Promise<void> {
    for await (const { bytes } of readLines(this.#file, { maxBytes: OF_ANY_BATCH.length })) {
      const head = new TextDecoder().decode(bytes);
      if (!OF_ANY_BATCH.startsWith(head))
        throw CliError.usage(`${this.#path} holds no results of a batch. Choose another.`);
      break;
    }
    await this.#cut(0);
  }

  /** Throws if the file is not empty. */
  async mustBeEmpty(): Promise<void> {
    if ((await this.#file.stat()).size > 0) throw CliError.usage(`${this.#path} exists already. ${INSTEAD}`);
  }

  /** Throws `STORAGE_FULL` or `INTERNAL` if the record cannot be written, and then removes the part that was written. */
  async append(record: string): Promise<void> {
    try {
      await this.#file.appendFile(`${record}\n`);
      this.#size += Buffer.byteLength(record) + 1;
      this.#isSynced = false;
    } catch (error) {
      await this.#cut(this.#size);
      throw writeError(this.#path, error);
    }
  }

  async sync(): Promise<void> {
    if (this.#isSynced) return;
    this.#isSynced = true;
    await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Closes the file, and removes it if it is empty. */
  async closeOrRemove(): Promise<void> {
    const { size } = await this.#file.stat();
    await this.#file.close();
    if (size === 0) await rm(this.#path, { force: true });
  }

  async #cut(size: number): Promise<void> {
    await this.#file.truncate(size);
    await this.#file.sync();
    this.#size = size;
  }
}

const INSTEAD = 'Give another --output, or begin anew with --restart.';
