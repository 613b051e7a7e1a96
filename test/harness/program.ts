import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Watched } from './watched.ts';

/** Variables that would change the behaviour of the program under test. */
const FOREIGN_VARIABLES = /^(SHOAL_|POC_|OPENGATEWAY_|XDG_|NODE_NAME$|NODE_OPTIONS$|NODE_TEST_CONTEXT$|GPU_LAYERS$)/;

export interface ProgramOptions {
  /** The name in error messages. */
  readonly name: string;
  /** The JavaScript or TypeScript file and its arguments. */
  readonly command: readonly string[];
  /** The program that runs it. Default: this Node. */
  readonly interpreter?: string | undefined;
  /** The working directory. Default: that of the tests. */
  readonly folder?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** Opens a channel that closes when the test process ends in any way. */
  readonly channel?: boolean | undefined;
}

/** A program in its own process, with its output and exit code. */
export class Program {
  readonly name: string;
  stdout = '';
  stderr = '';
  /** The exit code, set when the process has ended and its output is complete. Null if a signal ended it. */
  exitCode: number | null | undefined;
  readonly #child: ChildProcess;
  readonly #watched = new Watched();

  constructor(options: ProgramOptions) {
    const { name, command, interpreter = process.execPath, folder, environment = {}, channel = false } = options;
    this.name = name;
    const { SHOAL_HOME: home } = environment;
    // The models of the user who runs the tests are not theirs.
    const models = home === undefined ? {} : { SHOAL_MODELS: join(home, 'models') };
    const own = Object.entries(process.env).filter(([variable]) => !FOREIGN_VARIABLES.test(variable));
    this.#child = spawn(interpreter, [...command], {
      cwd: folder,
      // Its own process group, so that its children can be ended with it.
      detached: true,
      env: { ...Object.fromEntries(own), ...models, ...environment },
      stdio: ['pipe', 'pipe', 'pipe', ...(channel ? ['ipc' as const] : [])],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#watched.changed();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#watched.changed();
    });
    // The test does not fail if a program ends before it has read its input.
    this.#child.stdin?.on('error', () => undefined);
    this.#child.once('close', (code) => {
      this.exitCode = code;
      this.#watched.changed();
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} did not start.`);
    return this.#child.pid;
  }

  /** Waits until `read` returns a value. The error of a timeout includes the program's output. */
  until<Found>(read: () => Found | undefined, what: string): Promise<Found> {
    const describe = (): string => `${this.name}: ${what}. Exit code: ${this.exitCode}\n${this.stdout}\n${this.stderr}`;
    return this.#watched.until(() => {
      const found = read();
      if (found === undefined && this.exitCode !== undefined) throw new Error(`Ended before ${describe()}`);
      return found;
    }, describe);
  }

  ended(): Promise<number | null> {
    return this.#watched.until(
      () => this.exitCode,
      () => `the end of ${this.name}`,
    );
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  endInput(text = ''): void {
    this.#child.stdin?.end(text);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Kills it and all processes that it started. */
  async kill(): Promise<void> {
    this.killNow();
    await this.ended();
  }

  /** Like `kill`, without waiting for the end. */
  killNow(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      // The process group has already ended.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}
