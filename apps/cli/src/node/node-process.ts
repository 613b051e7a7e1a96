import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { errorCode } from '@shoal/files/error-code';
import { locateHome, type Home } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol';
import { LAUNCHER } from './launcher.ts';

/** A node with nothing to drain leaves faster. */
const STOP_TIMEOUT_MS = 5_000;
const KEPT_LINES = 10;
/** What would make a node another than the one that is asked for here. */
const FOREIGN_VARIABLES = /^(SHOAL_|POC_|OPENGATEWAY_|NODE_NAME$|GPU_LAYERS$)/;

/** A line of a node's log. */
export interface LogLine {
  readonly msg: string;
  readonly peers?: readonly string[] | undefined;
}

/** A node in a process and a home of its own, which are both gone when it is stopped. */
export class NodeProcess {
  readonly name: string;
  readonly home: Home;
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #lines: LogLine[] = [];
  readonly #said: string[] = [];
  readonly #waiting = new Set<() => void>();

  /** `flags` are those of `shoal serve`; `onLine` hears each line of the log; the signal ends all waiting. */
  constructor(
    name: string,
    root: string,
    flags: readonly string[],
    signal: AbortSignal,
    onLine: (line: LogLine) => void,
  ) {
    this.name = name;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    const environment = nodeEnvironment(root, name);
    this.home = locateHome(environment);
    // A group of its own, so that a Ctrl-C in the terminal does not end it before its turn, and nothing of it stays
    // behind; the channel, so that it ends even if this process is killed.
    this.#child = spawn(process.execPath, [LAUNCHER, 'serve', '--name', name, '--port', '0', ...flags], {
      detached: true,
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    if (this.#child.stderr !== null) {
      createInterface({ input: this.#child.stderr }).on('line', (text) => this.#hear(text, onLine));
    }
    this.#child.once('exit', () => this.#wake());
    this.#child.once('error', () => this.#wake());
  }

  /** Waits for a line of the log, one that was written already included. Throws where the node ends before. */
  async logged(fits: (line: LogLine) => boolean): Promise<void> {
    while (!this.#lines.some(fits)) {
      this.#signal.throwIfAborted();
      if (this.#hasEnded) throw new ShoalError('GENERATION_FAILED', `${this.name} ended: ${this.#said.join('\n')}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Tells it to end and waits; a process that does not is killed, with all that it started. */
  async stop(): Promise<void> {
    if (!this.#hasEnded) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await Promise.race([ended, wait(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    }
    this.#killGroup();
  }

  get #hasEnded(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #hear(text: string, onLine: (line: LogLine) => void): void {
    this.#said.push(text);
    if (this.#said.length > KEPT_LINES) this.#said.shift();
    const line = parseLine(text);
    if (line === undefined) return;
    this.#lines.push(line);
    onLine(line);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      // Nobody of the group is left, as it should be.
      if (errorCode(error) !== 'ESRCH') throw error;
    }
  }
}

/** What the first node compiles the others need not: they share a cache, which is our own where we have one. */
function nodeEnvironment(root: string, name: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([variable]) => !FOREIGN_VARIABLES.test(variable));
  return {
    ...Object.fromEntries(own),
    SHOAL_HOME: join(root, name),
    NODE_COMPILE_CACHE: getCompileCacheDir() ?? join(root, 'compile-cache'),
  };
}

/** Undefined for what is no line of the log, such as the error that a node ends with. */
function parseLine(text: string): LogLine | undefined {
  if (!text.startsWith('{"level"')) return undefined;
  const line = JSON.parse(text) as Partial<LogLine>;
  return typeof line.msg === 'string' ? { ...line, msg: line.msg } : undefined;
}
