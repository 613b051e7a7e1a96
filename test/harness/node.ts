import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { API_PATHS, type DoorView, type StatusView } from '@shoal/node/api';
import type { ApiAccess } from '@shoal/host/home/api-file';
import type { Program } from './program.ts';
import type { Ran, RunOptions } from './test-network.ts';

/** A node without running answers ends at once. */
const STOP_MS = 10_000;
/** Interval between two status requests. */
const LOOK_MS = 20;

/** A line of a node's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly peers?: readonly string[] | undefined;
}

/** A node in its own process, and the commands that use it. */
export class TestNode {
  readonly name: string;
  readonly home: string;
  readonly #program: Program;
  readonly #run: (args: readonly string[], options: RunOptions) => Promise<Ran>;

  constructor(name: string, home: string, program: Program, run: TestNode['shoal']) {
    this.name = name;
    this.home = home;
    this.#program = program;
    this.#run = run;
  }

  /** The complete lines of its stderr so far. */
  get stderrLines(): readonly string[] {
    return this.#program.stderr.split('\n').slice(0, -1);
  }

  /** The lines of its log, without the error of a node that failed to start. */
  get log(): readonly LogLine[] {
    return this.stderrLines.filter((line) => line.startsWith('{')).map((line): LogLine => JSON.parse(line));
  }

  /** The names in its latest `Peers: […]` line, sorted. Undefined before the first. */
  get peers(): readonly string[] | undefined {
    return this.log.findLast(({ msg }) => msg.startsWith('Peers: '))?.peers?.toSorted();
  }

  /** Waits for a line of the log. Resolves at once if the line is already there. */
  async waitForLog(line: string | RegExp): Promise<void> {
    const fits = ({ msg }: LogLine): boolean => (typeof line === 'string' ? msg === line : line.test(msg));
    await this.#program.until(() => this.log.some(fits) || undefined, `the log line ${line}`);
  }

  /** Waits until its latest `Peers: […]` line lists exactly these peers. */
  async sees(...names: readonly string[]): Promise<void> {
    const wanted = names.toSorted().join();
    await this.#program.until(() => this.peers?.join() === wanted || undefined, `peers to be ${wanted}`);
  }

  /** Runs `shoal` in this node's home. */
  shoal(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.#run(args, options);
  }

  /** Its status, requested from the API directly: a command would take too long during an answer. */
  async status(): Promise<StatusView> {
    const { port, token }: ApiAccess = JSON.parse(await readFile(join(this.home, 'api.json'), 'utf8'));
    const response = await fetch(`http://127.0.0.1:${port}${API_PATHS.status}`, {
      headers: { authorization: `Bearer ${token}`, connection: 'close' },
    });
    return JSON.parse(await response.text());
  }

  /** Waits until one of its doors matches the condition. */
  async doorIs(name: string, isSo: (door: DoorView) => boolean): Promise<void> {
    const giveUpAt = performance.now() + STOP_MS;
    for (;;) {
      const door = (await this.status()).doors.find((one) => one.name === name);
      if (door !== undefined && isSo(door)) return;
      if (performance.now() > giveUpAt) throw new Error(`Door ${name} of ${this.name}: ${JSON.stringify(door)}`);
      await wait(LOOK_MS);
    }
  }

  /** Resident memory, from Linux's `/proc`. */
  async residentBytes(): Promise<number> {
    const account = await readFile(`/proc/${this.#program.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(account)?.[1]) * 1_024;
  }

  /** Its open files and sockets, from Linux's `/proc`. */
  async openFiles(): Promise<number> {
    return (await readdir(`/proc/${this.#program.pid}/fd`)).length;
  }

  signal(signal: NodeJS.Signals): void {
    this.#program.signal(signal);
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Kills it and its engines at once, as the loss of power would. */
  crash(): Promise<void> {
    return this.#program.kill();
  }

  /** Sends SIGTERM and waits for its exit code. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return this.#program.ended();
  }

  /** Ends it in any state. */
  async kill(): Promise<void> {
    if (this.#program.exitCode === undefined) {
      this.signal('SIGTERM');
      await Promise.race([this.#program.ended(), wait(STOP_MS, undefined, { ref: false })]);
    }
    await this.#program.kill();
  }
}
