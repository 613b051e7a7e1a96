import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { errorCode } from '@shoal/files/error-code';

/** How long a server may take to end by itself; the shell around it waits as long before it kills. */
const EXIT_GRACE_MS = 2_000;
/** The last words that are kept to explain why a server ended. */
const LAST_WORDS_LENGTH = 2_000;
/** A line of a server's log that is longer is cut. */
const LOG_LINE_LENGTH_MAX = 1_000;
/** Where the shell says the server's process id, and hears that we are gone. */
const LEASH = 3;
/** A shell that was ended by a signal says this and the signal's number. */
const SIGNAL_EXIT_CODES = 128;

/**
 * A server must not outlive us, even if we are killed without a word: the system then closes our end of the leash, and
 * the shell that waits at the other end ends the server. That works on every system with a POSIX shell; `prctl` and
 * `setpriv --pdeathsig` are Linux's alone.
 */
const SHELL = '/bin/sh';
const SCRIPT = `
folder=$1
shift
"$@" 3<&- </dev/null &
server=$!
echo "$server" >&3
( read -r _ <&3; kill -TERM "$server"; sleep ${EXIT_GRACE_MS / 1_000}; kill -KILL "$server" ) >/dev/null 2>&1 &
watch=$!
wait "$server"
code=$?
kill "$watch" 2>/dev/null
rm -rf "$folder"
exit "$code"`;

export interface ServerCommand {
  /** Of its own; gone when the server is. */
  readonly folder: string;
  readonly binary: string;
  readonly words: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** A server in a process of its own, which ends when this process does. */
export class ServerProcess {
  /** Resolves with how it ended, in words; never rejects. */
  readonly ended: Promise<string>;
  /** The server's own process id; undefined where it could not be started. */
  readonly pid: Promise<number | undefined>;
  readonly #shell: ChildProcess;
  #lastWords = '';
  #hasEnded = false;

  constructor({ folder, binary, words, environment }: ServerCommand, onLine: (line: string) => void) {
    // A process group of its own: Ctrl-C at the terminal is ours to act on, and no part of the group is left behind.
    this.#shell = spawn(SHELL, ['-c', SCRIPT, 'llama-server', folder, binary, ...words], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.pid = firstNumber(this.#leash);
    for (const output of [this.#shell.stdout, this.#shell.stderr]) if (output !== null) this.#listen(output, onLine);
    this.ended = this.#whenEnded();
  }

  /** Its latest output. */
  get lastWords(): string {
    return this.#lastWords.trim();
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Lets go of the leash, and kills what does not end by itself. */
  async end(): Promise<void> {
    if (this.#hasEnded) return;
    this.#leash?.destroy();
    const timer = setTimeout(() => this.kill(), EXIT_GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends the shell and the server at once. */
  kill(): void {
    const { pid } = this.#shell;
    if (pid === undefined || this.#hasEnded) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      // It went before it could be told to.
      if (errorCode(error) !== 'ESRCH') throw error;
    }
  }

  get #leash(): Readable | undefined {
    const leash = this.#shell.stdio[LEASH];
    return leash !== null && leash !== undefined && 'read' in leash ? leash : undefined;
  }

  async #whenEnded(): Promise<string> {
    try {
      const [code, signal]: unknown[] = await once(this.#shell, 'close');
      return describeEnd(code, signal);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#hasEnded = true;
      this.#leash?.destroy();
    }
  }

  #listen(output: Readable, onLine: (line: string) => void): void {
    let unfinished = '';
    output.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_LENGTH);
      const lines = (unfinished + text).split('\n');
      unfinished = (lines.pop() ?? '').slice(0, LOG_LINE_LENGTH_MAX);
      for (const line of lines) if (line.trim() !== '') onLine(line.slice(0, LOG_LINE_LENGTH_MAX));
    });
  }
}

function describeEnd(code: unknown, signal: unknown): string {
  if (typeof signal === 'string') return signal;
  const number = typeof code === 'number' ? code : 0;
  return number > SIGNAL_EXIT_CODES ? `signal ${number - SIGNAL_EXIT_CODES}` : `exit code ${number}`;
}

async function firstNumber(stream: Readable | undefined): Promise<number | undefined> {
  if (stream === undefined) return undefined;
  // A leash that breaks says no number; why it broke is said by the end of the process.
  stream.on('error', () => stream.destroy());
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  stream.once('data', (bytes: Buffer) => resolve(Number.parseInt(bytes.toString(), 10) || undefined));
  stream.once('close', () => resolve(undefined));
  return promise;
}
