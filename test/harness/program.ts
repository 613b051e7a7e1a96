import { spawn, type ChildProcess } from 'node:child_process';
import { Watched } from './watched.ts';

/** What would make a program another than the one that the test describes. */
const FOREIGN_VARIABLES = /^(SHOAL_|POC_|OPENGATEWAY_|XDG_|NODE_NAME$|NODE_OPTIONS$|NODE_TEST_CONTEXT$|GPU_LAYERS$)/;

export interface ProgramOptions {
  /** What an error calls it. */
  readonly name: string;
  /** The JavaScript or TypeScript file and its arguments. */
  readonly command: readonly string[];
  /** What runs it; absent: this Node. */
  readonly interpreter?: string | undefined;
  /** Where it runs; absent: where the tests do. */
  readonly folder?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** A channel by which the program learns that the test is gone, however that ended. */
  readonly channel?: boolean | undefined;
}

/** A program in a process of its own: what it says, whether it has ended, and its certain end. */
export class Program {
  readonly name: string;
  stdout = '';
  stderr = '';
  /** The exit code once it has ended and said everything; null where a signal ended it. */
  exitCode: number | null | undefined;
  readonly #child: ChildProcess;
  readonly #watched = new Watched();

  constructor(options: ProgramOptions) {
    const { name, command, interpreter = process.execPath, folder, environment = {}, channel = false } = options;
    this.name = name;
    const own = Object.entries(process.env).filter(([variable]) => !FOREIGN_VARIABLES.test(variable));
    this.#child = spawn(interpreter, [...command], {
      cwd: folder,
      // A group of its own, so that its children can be ended with it.
      detached: true,
      env: { ...Object.fromEntries(own), ...environment },
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
    // A program that ends without reading everything is no failure of the test's.
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

  /** What `read` finds in what the program said; an error tells all of that. */
  until<Found>(read: () => Found | undefined, what: string): Promise<Found> {
    const said = (): string => `${this.name}: ${what}. Exit code: ${this.exitCode}\n${this.stdout}\n${this.stderr}`;
    return this.#watched.until(() => {
      const found = read();
      if (found === undefined && this.exitCode !== undefined) throw new Error(`Ended before ${said()}`);
      return found;
    }, said);
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

  /** Kills it with everything that it started. */
  async kill(): Promise<void> {
    this.killNow();
    await this.ended();
  }

  /** The same for a process that has no time left to wait. */
  killNow(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      // Nobody of the group is left, as it should be.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}
