import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { localDht, type LocalDht } from '@shoal/transport/dht';
import { TestNode } from './node.ts';
import { Program } from './program.ts';

const LAUNCHER = fileURLToPath(new URL('../../apps/cli/bin/shoal.js', import.meta.url));
const PACED_NODE = fileURLToPath(new URL('./paced-node.ts', import.meta.url));
const SCRIPTED_NODE = fileURLToPath(new URL('../sdks/scripted-node.ts', import.meta.url));

export interface RunOptions {
  readonly input?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/** The result of a command that has ended. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A test file's own DHT, the processes that use it, and their homes. `close` ends all of it. */
export class TestNetwork {
  /** `host:port` of the DHT. */
  readonly bootstrap: string;
  readonly #dht: LocalDht;
  readonly #root: string;
  readonly #nodes: TestNode[] = [];
  readonly #programs: Program[] = [];

  /** Runs at exit, because a test file that fails before its first test does not call `close`. */
  readonly #sweep = (): void => {
    for (const program of this.#programs) program.killNow();
    rmSync(this.#root, { recursive: true, force: true });
  };

  static async open(): Promise<TestNetwork> {
    return new TestNetwork(await localDht(), await mkdtemp(join(tmpdir(), 'shoal-test-')));
  }

  private constructor(dht: LocalDht, root: string) {
    this.bootstrap = dht.bootstrap.join();
    this.#dht = dht;
    this.#root = root;
    process.once('exit', this.#sweep);
  }

  home(name: string): string {
    return join(this.#root, name);
  }

  /** Starts `shoal serve` in the home of that name, which may have been used before. */
  start(name: string, ...flags: readonly string[]): Promise<TestNode> {
    const where = ['--name', name, '--port', '0', '--bootstrap', this.bootstrap];
    return this.#startNode(name, [LAUNCHER, 'serve', ...where, ...flags]);
  }

  /** Like `start`, with a module that the node's process loads before its own. */
  startWatched(name: string, module: string, ...flags: readonly string[]): Promise<TestNode> {
    const where = ['--name', name, '--port', '0', '--bootstrap', this.bootstrap];
    return this.#startNode(name, ['--import', module, LAUNCHER, 'serve', ...where, ...flags]);
  }

  /** Starts a lending node with a fixed speed in words or tokens per second. The other flags are those of paced-node.ts. */
  startPaced(name: string, cluster: string, tokensPerSecond: number, ...flags: readonly string[]): Promise<TestNode> {
    const where = ['--name', name, '--bootstrap', this.bootstrap, '--cluster', cluster];
    return this.#startNode(name, [PACED_NODE, ...where, '--tokens-per-second', String(tokensPerSecond), ...flags]);
  }

  /** Starts a lending node with the scripted engine. The flags are those of scripted-node.ts. */
  startScripted(name: string, ...flags: readonly string[]): Promise<TestNode> {
    return this.#startNode(name, [SCRIPTED_NODE, '--name', name, '--bootstrap', this.bootstrap, ...flags]);
  }

  async #startNode(name: string, command: readonly string[]): Promise<TestNode> {
    const home = this.home(name);
    const program = this.run({ name, command, environment: { SHOAL_HOME: home }, channel: true });
    const node = new TestNode(name, home, program, (args, options) => this.shoal(home, args, options));
    this.#nodes.push(node);
    await node.waitForLog(/^API on /);
    return node;
  }

  /** Runs `shoal` with a home, until it ends. */
  async shoal(home: string, args: readonly string[], { input = '', environment }: RunOptions = {}): Promise<Ran> {
    const program = this.begin(home, args, environment);
    program.endInput(input);
    const code = await program.ended();
    return { code, stdout: program.stdout, stderr: program.stderr };
  }

  /** Starts `shoal` with a home, for a test that observes it. `folder` is the working directory. */
  begin(home: string, args: readonly string[], environment?: NodeJS.ProcessEnv, folder?: string): Program {
    const name = `shoal ${args.join(' ').slice(0, 100)}`;
    return this.run({
      name,
      command: [LAUNCHER, ...args],
      environment: { SHOAL_HOME: home, ...environment },
      ...(folder === undefined ? {} : { folder }),
    });
  }

  /** Starts a program, which is ended with this network at the latest. */
  run(options: ConstructorParameters<typeof Program>[0]): Program {
    const program = new Program(options);
    this.#programs.push(program);
    return program;
  }

  /** Ends all running processes, the nodes with SIGTERM first, and removes their homes. */
  async close(): Promise<void> {
    process.off('exit', this.#sweep);
    await Promise.all(this.#nodes.map((node) => node.kill()));
    await Promise.all(this.#programs.map((program) => program.kill()));
    await this.#dht.close();
    await rm(this.#root, { recursive: true, force: true });
  }
}
