import { resolve } from 'node:path';
import { batchRecord, type BatchResult } from '@shoal/client/batch';
import { CliError } from '../cli-error.ts';
import { LineSet } from './line-set.ts';
import { RecordFile, recordId } from './record-file.ts';
import { BatchState } from './state.ts';

/** What was written is on the disk after so long, if more is written. */
const SYNC_INTERVAL_MS = 1_000;

export interface OutputOptions {
  readonly output: string;
  readonly errors: string;
  /** SHA-256 of the input in hex. */
  readonly digest: string;
  /** Lines of the input that are not blank. */
  readonly total: number;
  readonly order: 'input' | 'completion';
  /** Forgets what is there already. */
  readonly restart: boolean;
}

/** The files that a batch writes: results, errors, and the state between two runs. */
export class BatchOutput {
  readonly #options: OutputOptions;
  readonly #state: BatchState;
  readonly #answers: RecordFile;
  readonly #errors: RecordFile;
  /** Lines that need nothing any more: they are in a file, or blank. */
  readonly #written = new LineSet();
  /** Lines whose result waits in the state; no more than the batch's window. */
  readonly #held = new Set<number>();
  #token = '';
  #next = 1;
  #syncedAt = performance.now();
  #answered = 0;
  #failed = 0;

  /** Takes up what an earlier run has left. Throws where the files are of something else, or in use. */
  static async open(options: OutputOptions): Promise<BatchOutput> {
    const state = BatchState.open(`${options.output}.state`);
    const opened: RecordFile[] = [];
    try {
      for (const path of [options.output, options.errors]) opened.push(await RecordFile.open(path));
      const [answers, errors] = opened;
      if (answers === undefined || errors === undefined) throw new TypeError('Two files were opened.');
      const output = new BatchOutput(options, state, answers, errors);
      await output.#takeUp();
      return output;
    } catch (error) {
      for (const file of opened) await file.leave();
      if (state.begun === undefined) await state.remove();
      else state.close();
      throw error;
    }
  }

  private constructor(options: OutputOptions, state: BatchState, answers: RecordFile, errors: RecordFile) {
    this.#options = options;
    this.#state = state;
    this.#answers = answers;
    this.#errors = errors;
  }

  get answered(): number {
    return this.#answered;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Whether a line has its result already, of this run or an earlier one. */
  has(line: number): boolean {
    return this.#written.has(line) || this.#held.has(line);
  }

  /** Whether a custom_id comes for the first time in this run. */
  isNew(customId: string): boolean {
    return this.#state.isNew(customId);
  }

  /** A line that has no result. */
  skip(line: number): void {
    this.#written.add(line);
  }

  /**
   * Writes a result, or keeps it until those before it are written. Once this resolves, a crash does not lose it.
   * Throws `STORAGE_FULL` or `INTERNAL`.
   */
  async write(result: BatchResult): Promise<void> {
    const { line } = result;
    const isFailure = 'error' in result;
    const id = recordId(this.#token, line);
    const record = JSON.stringify(batchRecord(id, result, Math.floor(Date.now() / 1_000)));
    this.#goOn();
    if (this.#options.order === 'completion' || line === this.#next) await this.#append(line, isFailure, record);
    else {
      this.#state.hold({ line, isFailure, record });
      this.#held.add(line);
    }
    this.#count(isFailure);
    await this.#writeHeld();
    if (performance.now() - this.#syncedAt >= SYNC_INTERVAL_MS) await this.#sync();
  }

  async close(): Promise<void> {
    try {
      await this.#writeLeft();
      await this.#sync();
    } finally {
      // Most batches have no errors: an empty file would say that one should look.
      await this.#errors.leave();
      if (this.#answered + this.#failed > 0) {
        await this.#answers.close();
        this.#state.close();
      } else {
        // Nothing has come of it, and so nothing is left of it.
        await this.#answers.leave();
        await this.#state.remove();
      }
    }
  }

  async #takeUp(): Promise<void> {
    const { digest, errors, restart } = this.#options;
    const errorsPath = resolve(errors);
    const { begun } = this.#state;
    const files = [this.#answers, this.#errors];
    if (begun === undefined || restart) {
      for (const file of files) await (restart ? file.clear() : file.mustBeEmpty());
      this.#token = this.#state.begin({ digest, errorsPath });
      return;
    }
    if (begun.digest !== digest) {
      throw CliError.usage('The input has changed since this output was begun. Give another --output, or --restart.');
    }
    if (begun.errorsPath !== errorsPath) {
      throw CliError.usage(`This output was begun with --errors ${begun.errorsPath}. Say so again, or --restart.`);
    }
    this.#token = begun.token;
    for (const file of files) await file.recover(begun.token, (line) => this.#found(line, file === this.#errors));
    await this.#takeUpHeld();
  }

  async #takeUpHeld(): Promise<void> {
    for (const { line, isFailure } of this.#state.heldLines()) {
      if (this.#written.has(line)) this.#state.release(line);
      else {
        this.#held.add(line);
        this.#count(isFailure);
      }
    }
    if (this.#options.order === 'completion') for (const line of this.#held) await this.#appendHeld(line);
  }

  #found(line: number, isFailure: boolean): void {
    this.#written.add(line);
    this.#count(isFailure);
  }

  #count(isFailure: boolean): void {
    if (isFailure) this.#failed += 1;
    else this.#answered += 1;
  }

  #goOn(): void {
    while (this.#written.has(this.#next)) this.#next += 1;
  }

  async #writeHeld(): Promise<void> {
    for (this.#goOn(); this.#held.has(this.#next); this.#goOn()) await this.#appendHeld(this.#next);
  }

  /**
   * A run that was killed may have left what had its turn already. Once everything is done only blank lines can stand before
   * what is held, and a run that did not read so far was not told of them.
   */
  async #writeLeft(): Promise<void> {
    await this.#writeHeld();
    if (this.#answered + this.#failed < this.#options.total) return;
    for (const line of [...this.#held].toSorted((one, other) => one - other)) await this.#appendHeld(line);
  }

  async #appendHeld(line: number): Promise<void> {
    const held = this.#state.held(line);
    if (held === undefined) throw new TypeError(`Line ${line} is not held.`);
    await this.#append(line, held.isFailure, held.record);
    this.#held.delete(line);
    this.#state.release(line);
  }

  async #append(line: number, isFailure: boolean, record: string): Promise<void> {
    await (isFailure ? this.#errors : this.#answers).append(record);
    this.#written.add(line);
  }

  async #sync(): Promise<void> {
    this.#syncedAt = performance.now();
    await this.#answers.sync();
    await this.#errors.sync();
  }
}
