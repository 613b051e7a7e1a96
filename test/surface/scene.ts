import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findDemoModel } from '@shoal/host/engines';
import type { TestNode } from '../harness/node.ts';
import type { Program } from '../harness/program.ts';
import { type Ran, TestNetwork } from '../harness/test-network.ts';

export const CLUSTER = 'surface';
const PLACE = { host: '127.0.0.1', port: 0 };
const DOORS = { donate: PLACE, qmesh: {}, localllm: {}, websocket: PLACE, tcp: PLACE };

/** A response of the local API. */
interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** A node that lends the demo model with every door open, a node that sends it prompts, and commands. */
export class Scene {
  readonly lender: TestNode;
  readonly asker: TestNode;
  readonly #network: TestNetwork;
  /** Hides the models of other programs on this machine. */
  readonly #alone: NodeJS.ProcessEnv;

  static async open(): Promise<Scene> {
    const network = await TestNetwork.open();
    const home = network.home('Lender');
    await mkdir(home, { mode: 0o700 });
    await writeFile(join(home, 'config.json'), JSON.stringify({ slots: 1, threads: 1, gpuLayers: 0, doors: DOORS }));
    const model = findDemoModel() ?? '';
    const [lender, asker] = await Promise.all([
      network.start('Lender', '--lend', '--engine', 'llama', '--model', model, '--cluster', CLUSTER),
      network.start('Asker', '--cluster', CLUSTER),
    ]);
    await Promise.all([lender.sees('Asker'), asker.sees('Lender')]);
    await mkdir(network.home('Commands'));
    return new Scene(network, lender, asker);
  }

  private constructor(network: TestNetwork, lender: TestNode, asker: TestNode) {
    this.#network = network;
    this.lender = lender;
    this.asker = asker;
    const none = { OLLAMA_MODELS: '', HF_HUB_CACHE: '', HF_HOME: '', XDG_CACHE_HOME: '' };
    this.#alone = { HOME: network.home('Person'), ...none };
  }

  get bootstrap(): string {
    return this.#network.bootstrap;
  }

  /** The home of commands that need no node. */
  get commands(): string {
    return this.#network.home('Commands');
  }

  /** A home without a node, with a saved conversation. */
  async storeHome(): Promise<string> {
    const home = this.#network.home('Store');
    await cp(join(import.meta.dirname, 'home', 'conversations'), join(home, 'conversations'), { recursive: true });
    return home;
  }

  home(name: string): string {
    return this.#network.home(name);
  }

  /** Runs a command in a home, for a user without models. */
  run(home: string, ...args: readonly string[]): Promise<Ran> {
    return this.#network.shoal(home, args, { environment: this.#alone });
  }

  /** The JSON document of a successful command. */
  async document(home: string, ...args: readonly string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.run(home, ...args, '--json');
    assert.equal(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /** Starts a command that runs until it is stopped, in its own folder. */
  async begin(name: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Program> {
    const folder = this.#network.home(name);
    await mkdir(folder, { recursive: true });
    return this.#network.begin(folder, args, { ...this.#alone, ...environment }, folder);
  }

  /** Any other program of the checkout. */
  async program(interpreter: string, ...command: readonly string[]): Promise<string> {
    const program = this.#network.run({ name: command.join(' '), interpreter, command });
    program.endInput();
    assert.equal(await program.ended(), 0, program.stderr);
    return program.stdout;
  }

  /** Calls a node's local API with the token of its home or with other options. */
  async call({ home }: TestNode, method: string, path: string, body?: unknown, token?: string): Promise<Reply> {
    const access: { readonly port: number; readonly token: string } = JSON.parse(
      await readFile(join(home, 'api.json'), 'utf8'),
    );
    const response = await fetch(`http://127.0.0.1:${access.port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token ?? access.token}`,
        connection: 'close',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, text: await response.text() };
  }

  close(): Promise<void> {
    return this.#network.close();
  }
}
