import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol/error';
import { type BatchLine, parseBatchLine } from '@shoal/client/batch';
import { CliError } from '../cli-error.ts';
import { readLines, type RawLine } from './read-lines.ts';

/** The longest line of a batch file. A longer line is skipped and reported as an error. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;

export interface Survey {
  /** SHA-256 of the file in hex. */
  readonly digest: string;
  /** Lines that are not blank. */
  readonly total: number;
}

/** A batch file. It is read twice: once for its digest and number of lines, and once to run it. */
export class BatchInput {
  readonly #file: FileHandle;

  static async open(path: string): Promise<BatchInput> {
    let file: FileHandle;
    let found: Stats;
    try {
      file = await open(path, 'r');
      found = await file.stat();
    } catch (error) {
      const code = errorCode(error);
      throw CliError.usage(code === 'ENOENT' ? `There is no file ${path}.` : `${path} cannot be read (${code}).`);
    }
    if (found.isFile()) return new BatchInput(file);
    await file.close();
    if (found.isDirectory()) throw CliError.usage(`${path} is a folder; give a .jsonl file.`);
    throw CliError.usage(`${path} is not a regular file. Give a .jsonl file, which can be read twice.`);
  }

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  async survey(signal: AbortSignal): Promise<Survey> {
    const hash = createHash('sha256');
    let total = 0;
    const onBytes = (bytes: Uint8Array): void => {
      if (signal.aborted) throw CliError.interrupted();
      hash.update(bytes);
    };
    for await (const line of readLines(this.#file, { maxBytes: MAX_LINE_BYTES, onBytes })) {
      if (!isBlank(line)) total += 1;
    }
    return { digest: hash.digest('hex'), total };
  }

  /** Yields every line that is not blank. Calls `skip` with the number of each blank one. */
  async *lines(skip: (line: number) => void): AsyncGenerator<BatchLine> {
    for await (const line of readLines(this.#file, { maxBytes: MAX_LINE_BYTES })) {
      if (isBlank(line)) skip(line.number);
      else yield parse(line);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function parse({ number, bytes, isCut }: RawLine): BatchLine {
  if (isCut) return invalidLine(number, `The line is longer than ${MAX_LINE_BYTES} bytes.`);
  const text = decode(bytes);
  return text === undefined ? invalidLine(number, 'The line is not valid UTF-8.') : parseBatchLine(text, number);
}

function invalidLine(line: number, what: string): BatchLine {
  return { line, error: ShoalError.invalidRequest(what) };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function isBlank({ bytes, isCut }: RawLine): boolean {
  return !isCut && bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
