import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { ShoalError } from '@shoal/protocol/error';
import { watchMemory } from './memory-limit.ts';

/** Characters of the latest output that are kept to explain the end of a process. */
const LAST_OUTPUT_LENGTH = 2_000;
/** A longer line of output is cut. */
const LOG_LINE_LENGTH_MAX = 1_000;
/** A shell whose program was ended by a signal exits with this number plus the signal's. */
const SIGNAL_EXIT_CODES = 128;

export interface ChildOptions {
  /**
   * Closes the process's leash: the channel at whose end it exits. The operating system closes that too if this process is
   * killed.
   */
  readonly release: () => void;
  /** Ends the process, and those that it started, at once. */
  readonly kill: () => void;
  /** Milliseconds from `release` until the process is killed. */
  readonly exitGraceMs: number;
  /** Called for each line of output that is not blank. */
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface ReadinessOptions<Connection> {
  /** Resolves when the process takes requests. The signal aborts when the result is not needed any more. */
  readonly connect: (signal: AbortSignal) => Promise<Connection>;
  readonly timeoutMs: number;
  /** Returns the error for a process that has ended before it was ready. */
  readonly failed: (how: string) => ShoalError;
}

/** A child process from its start to its end. */
export class Child {
  /** Resolves with how the process ended: `exit code 1`, `SIGKILL`, the reason given to `kill`. Never rejects. */
  readonly ended: Promise<string>;
  readonly #options: ChildOptions;
  #lastOutput = '';
  #hasEnded = false;
  #killReason: string | undefined;

  constructor(process: ChildProcess, options: ChildOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<string>();
    const outputs = [process.stdout, process.stderr].filter((output) => output !== null);
    const closed = Promise.allSettled(outputs.map((output) => once(output, 'close')));
    // Not the event `close`: it does not follow when this process has closed the IPC channel.
    process.once('exit', (code, signal) => {
      void closed.then(() => resolve(describeEnd(code, signal)));
    });
    process.on('error', (error) => {
      this.kill();
      resolve(error.message);
    });
    this.ended = promise.then((how) => {
      this.#hasEnded = true;
      return this.#killReason ?? how;
    });
    for (const output of outputs) this.#read(output);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The latest output, trimmed. */
  get lastOutput(): string {
    return this.#lastOutput.trim();
  }

  /** Drops the output so far, which does not explain a later end. */
  clearOutput(): void {
    this.#lastOutput = '';
  }

  /**
   * Resolves with the connection when the process is ready. Rejects at once if the process ends or the signal aborts, and
   * when the time is over; the process has ended then.
   */
  async connected<Connection>(options: ReadinessOptions<Connection>, signal: AbortSignal): Promise<Connection> {
    const { connect, timeoutMs, failed } = options;
    const waiting = new AbortController();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    const timer = setTimeout(() => this.kill(`it was not ready after ${timeoutMs / 1_000} s`), timeoutMs);
    try {
      signal.throwIfAborted();
      const ended = this.ended.then((how) => {
        throw failed(how);
      });
      return await Promise.race([ended, aborted, connect(waiting.signal)]);
    } catch (error) {
      waiting.abort();
      await this.end();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Kills the process when it takes more memory of its own. Does nothing if `pid` is undefined: the process did not start. */
  limitMemory(pid: number | undefined, limitBytes: number): void {
    if (pid === undefined || this.#hasEnded) return;
    const stop = watchMemory(pid, limitBytes, (reason) => this.kill(reason));
    void this.ended.then(stop);
  }

  /** Closes the leash, and kills the process after the grace period. Resolves when it has ended. */
  async end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#options.release();
    const timer = setTimeout(() => this.kill(), this.#options.exitGraceMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends the process at once. `reason` replaces the signal's name in `ended`. */
  kill(reason?: string): void {
    if (this.#hasEnded) return;
    this.#killReason ??= reason;
    this.#options.kill();
  }

  #read(output: Readable): void {
    const { onLine = () => {} } = this.#options;
    let unfinished = '';
    output.setEncoding('utf8').on('data', (text: string) => {
      this.#lastOutput = (this.#lastOutput + text).slice(-LAST_OUTPUT_LENGTH);
      const lines = (unfinished + text).split('\n');
      unfinished = (lines.pop() ?? '').slice(0, LOG_LINE_LENGTH_MAX);
      for (const line of lines) if (line.trim() !== '') onLine(line.slice(0, LOG_LINE_LENGTH_MAX));
    });
  }
}

function describeEnd(code: number | null, signal: string | null): string {
  if (signal !== null) return signal;
  const number = code ?? 0;
  const [name] = Object.entries(constants.signals).find(([, value]) => value === number - SIGNAL_EXIT_CODES) ?? [];
  return name ?? `exit code ${number}`;
}
