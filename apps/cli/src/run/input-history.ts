import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FOLDER_MODE, writeDurably } from '@shoal/files/durable-write';
import { parseJson, readOptional } from '@shoal/files/read';
import type { Home } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol';

/** What was typed last is remembered so far back. */
export const MAX_HISTORY_LINES = 200;
/** A longer line is not remembered. */
const LINE_LENGTH_MAX = 4_096;
/** A file that is longer is none of ours, and is begun anew. */
const HISTORY_BYTES_MAX = 8 * 1024 * 1024;

/** What was typed in conversations of this home, the latest first, across sessions. */
export class InputHistory {
  readonly #path: string;
  readonly #log: (line: string) => void;
  #writing: Promise<void> = Promise.resolve();

  /** `log` is told why something could not be remembered: that ends no conversation. */
  constructor(home: Home, log: (line: string) => void) {
    this.#path = join(home.state, 'run-history.json');
    this.#log = log;
  }

  async lines(): Promise<string[]> {
    try {
      return await this.#read();
    } catch (error) {
      this.#log(`What was typed before is not known: ${ShoalError.from(error).message}`);
      return [];
    }
  }

  /** Other sessions may have added lines of their own in the meantime. */
  remember(line: string): void {
    if (line.trim() === '' || line.length > LINE_LENGTH_MAX) return;
    this.#writing = this.#writing
      .then(() => this.#add(line))
      .catch((error: unknown) => {
        this.#log(`What is typed cannot be remembered: ${ShoalError.from(error).message}`);
      });
  }

  /** Resolves once everything is written. */
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
