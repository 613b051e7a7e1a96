import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FOLDER_MODE, writeDurably } from '@shoal/files/durable-write';
import { parseJson, readOptional } from '@shoal/files/read';
import type { Home } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol/error';

/** Number of lines that are kept. */
export const MAX_HISTORY_LINES = 200;
/** A longer line is not saved. */
const LINE_LENGTH_MAX = 4_096;
/** A larger file is not a history, and is overwritten. */
const HISTORY_BYTES_MAX = 8 * 1024 * 1024;

/** The lines typed in conversations of a home, the latest first, shared by all sessions. */
export class InputHistory {
  readonly #path: string;
  readonly #log: (line: string) => void;
  #writing: Promise<void> = Promise.resolve();

  /** `log` gets read and write errors, because they must not end a conversation. */
  constructor(home: Home, log: (line: string) => void) {
    this.#path = join(home.state, 'run-history.json');
    this.#log = log;
  }

  async lines(): Promise<string[]> {
    try {
      return await this.#read();
    } catch (error) {
      this.#log(`The input history cannot be read: ${ShoalError.from(error).message}`);
      return [];
    }
  }

  /** Adds a line. Reads the file first, because other sessions may have added lines. */
  remember(line: string): void {
    if (line.trim() === '' || line.length > LINE_LENGTH_MAX) return;
    this.#writing = this.#writing
      .then(() => this.#add(line))
      .catch((error: unknown) => {
        this.#log(`The input history cannot be saved: ${ShoalError.from(error).message}`);
      });
  }

  /** Resolves once all lines are written. */
  written(): Promise<void> {
    return this.#writing;
  }

  async #add(line: string): Promise<void> {
    const others = (await this.#read()).filter((known) => known !== line);
    await mkdir(dirname(this.#path), { recursive: true, mode: FOLDER_MODE });
    await writeDurably(this.#path, JSON.stringify([line, ...others].slice(0, MAX_HISTORY_LINES)));
  }

  async #read(): Promise<string[]> {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    if (found === undefined || found.size > HISTORY_BYTES_MAX) return [];
    const value = parseJson(this.#path, (await readOptional(this.#path)) ?? '[]');
    const lines = Array.isArray(value) ? value.filter((line) => typeof line === 'string') : [];
    return lines.filter(({ length }) => length <= LINE_LENGTH_MAX).slice(0, MAX_HISTORY_LINES);
  }
}
