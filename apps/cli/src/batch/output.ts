import { resolve } from 'node:path';
import { batchRecord, type BatchResult } from '@shoal/client/batch';
import { CliError } from '../cli-error.ts';
import { LineSet } from './line-set.ts';
import { RecordFile, recordId } from './record-file.ts';
import { BatchState } from './state.ts';

/** Written lines are synced to the disk after this time, at the next write. */
const SYNC_INTERVAL_MS = 1_000;

export interface OutputOptions {
  readonly output: string;
  readonly errors: string;
  /** SHA-256 of the input in hex. */
  readonly digest: string;
  /** Lines of the input that are not blank. */
  readonly total: number;
  readonly order: 'input' | 'completion';
  /** Deletes earlier results. */
  readonly restart: boolean;
  /** Deletes the earlier failures, so that their lines are asked again. */
  readonly retryFailed?: boolean | undefined;
}

/** The files that a batch writes: results, errors, and the state between two runs. */
export class BatchOutput {
  readonly #options: OutputOptions;
  readonly #state: BatchState;
  readonly #answers: RecordFile;
  readonly #errors: RecordFile;
  /** Lines that are done: they are in a file, or blank. */
  readonly #written = new LineSet();
  /** Lines whose result waits in the state; at most the batch's window. */
  readonly #held = new Set<number>();
  #token = '';
  #next = 1;
  #syncedAt = performance.now();
  #answered = 0;
  #failed = 0;

  /** Continues an earlier run. Throws if the files belong to something else or are in use. */
  static async open(options: OutputOptions): Promise<BatchOutput> {
    const state = BatchState.open(`${options.output}.state`);
    const opened: RecordFile[] = [];
    try {
      for (const path of [options.output, options.errors]) opened.push(await RecordFile.open(path));
      const [answers, errors] = opened;
      if (answers === undefined || errors === undefined) throw new TypeError('Two files were opened.');
      const output = new BatchOutput(options, state, answers, errors);
      await output.#recover();
      return output;
    } catch (error) {
      for (const file of opened) await file.closeOrRemove();
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

  /** True if a line has a result, of this run or an earlier one. */
  has(line: number): boolean {
    return this.#written.has(line) || this.#held.has(line);
  }

  /** True the first time that a custom_id is used in this run. */
  isNew(customId: string): boolean {
    return this.#state.isNew(customId);
  }

  /** Marks a line that has no result. */
  skip(line: number): void {
    this.#written.add(line);
  }

  /**
   * Writes a result, or saves it until the results before it are written. After this resolves, a crash does not lose it.
   * Throws `STORAGE_FULL` or `INTERNAL`.
   */
  async write(result: BatchResult): Promise<void> {
    const { line } = result;
    const isFailure = 'error' in result;
    const id = recordId(this.#token, line);
    const record = JSON.stringify(batchRecord(id, result, Math.floor(Date.now() / 1_000)));
    this.#advance();
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
      // An empty file of errors would look like a failure.
      await this.#errors.closeOrRemove();
      if (this.#answered + this.#failed > 0) {
        await this.#answers.close();
        this.#state.close();
      } else {
        // A run without results leaves no files.
        await this.#answers.closeOrRemove();
        await this.#state.remove();
      }
    }
  }

  async #recover(): Promise<void> {
    const { digest, errors, restart, retryFailed = false } = this.#options;
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
      throw CliError.usage(`This output was begun with --errors ${begun.errorsPath}. Give it again, or --restart.`);
    }
    this.#token = begun.token;
    if (retryFailed) await this.#forgetFailures();
    for (const file of files) await file.recover(begun.token, (line) => this.#found(line, file === this.#errors));
    await this.#recoverHeld();
  }

  /** The answers of these lines come after those that are written already. */
  async #forgetFailures(): Promise<void> {
    await this.#errors.recover(this.#token, () => undefined);
    await this.#errors.clear();
    for (const { line, isFailure } of this.#state.heldLines()) if (isFailure) this.#state.release(line);
  }

  async #recoverHeld(): Promise<void> {
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

  #advance(): void {
    while (this.#written.has(this.#next)) this.#next += 1;
  }

  async #writeHeld(): Promise<void> {
    for (this.#advance(); this.#held.has(this.#next); this.#advance()) await this.#appendHeld(this.#next);
  }

  /**
   * Writes results that a killed run has left. When all lines are done, only blank lines can precede the held results, and they
   * are not marked if this run did not read them.
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
