import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { errorCode } from '@shoal/files/error-code';
import { locateHome, type Home } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol/error';
import { LAUNCHER } from './launcher.ts';

/** An idle node stops faster. */
const STOP_TIMEOUT_MS = 5_000;
const KEPT_LINES = 10;
/** Environment variables that would change the configuration of the node. */
const FOREIGN_VARIABLES = /^(SHOAL_|POC_|OPENGATEWAY_|NODE_NAME$|GPU_LAYERS$)/;

/** A line of a node’s log. */
export interface LogLine {
  readonly msg: string;
  readonly peers?: readonly string[] | undefined;
}

/** A node in its own process and home. */
export class NodeProcess {
  readonly name: string;
  readonly home: Home;
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #lines: LogLine[] = [];
  readonly #lastLines: string[] = [];
  readonly #waiters = new Set<() => void>();

  /** `flags`: for `shoal serve`. `onLine`: called for each line of the log. The signal ends every wait. */
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
    // Its own process group: Ctrl-C in the terminal does not end it too early, and all its children can be killed. The IPC
    // channel ends it even if this process is killed.
    this.#child = spawn(process.execPath, [LAUNCHER, 'serve', '--name', name, '--port', '0', ...flags], {
      detached: true,
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    if (this.#child.stderr !== null) {
      createInterface({ input: this.#child.stderr }).on('line', (text) => this.#onLine(text, onLine));
    }
    this.#child.once('exit', () => this.#wake());
    this.#child.once('error', () => this.#wake());
  }

  /** Resolves once a line of the log matches, earlier lines included. Throws if the node ends first. */
  async logged(fits: (line: LogLine) => boolean): Promise<void> {
    while (!this.#lines.some(fits)) {
      this.#signal.throwIfAborted();
      if (this.#hasEnded)
        throw new ShoalError('GENERATION_FAILED', `${this.name} ended: ${this.#lastLines.join('\n')}`);
      await new Promise<void>((resolve) => this.#waiters.add(resolve));
    }
  }

  /** Sends SIGTERM and waits. Kills the process and its children if it does not end in time. */
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

  #onLine(text: string, onLine: (line: LogLine) => void): void {
    this.#lastLines.push(text);
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
    const line = parseLine(text);
    if (line === undefined) return;
    this.#lines.push(line);
    onLine(line);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      // The whole group has ended, as expected.
      if (errorCode(error) !== 'ESRCH') throw error;
    }
  }
}

/** All nodes share one compile cache: this process’s if it has one. */
function nodeEnvironment(root: string, name: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([variable]) => !FOREIGN_VARIABLES.test(variable));
  return {
    ...Object.fromEntries(own),
    SHOAL_HOME: join(root, name),
    NODE_COMPILE_CACHE: getCompileCacheDir() ?? join(root, 'compile-cache'),
  };
}

/** Returns undefined for other output, such as the error that a node ends with. */
function parseLine(text: string): LogLine | undefined {
  if (!text.startsWith('{"level"')) return undefined;
  const line = JSON.parse(text) as Partial<LogLine>;
  return typeof line.msg === 'string' ? { ...line, msg: line.msg } : undefined;
}
