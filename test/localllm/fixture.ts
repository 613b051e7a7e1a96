import { fileURLToPath } from 'node:url';
import type { Program } from '../harness/program.ts';
import type { TestNetwork } from '../harness/test-network.ts';

const HOST = fileURLToPath(new URL('./fixture-host.mjs', import.meta.url));
const CLIENT = fileURLToPath(new URL('./fixture-client.mjs', import.meta.url));
const LAUNCHER = fileURLToPath(new URL('../../apps/cli/bin/shoal.js', import.meta.url));

/** Runs a command in its own terminal, with stdin as its keyboard. */
const AT_A_TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

export interface Message {
  readonly type: string;
  readonly request_id?: string | undefined;
  readonly payload?: { readonly [field: string]: unknown } | undefined;
}

/** A host of the LocalLLM program, for the tests. */
export class FixtureHost {
  readonly serverId: string;
  readonly #program: Program;

  /** Starts a host and waits until it can be found. */
  static async open(network: TestNetwork, ...args: readonly string[]): Promise<FixtureHost> {
    const program = network.run({
      name: `host ${args.join(' ')}`,
      command: [HOST, '--bootstrap', network.bootstrap, ...args],
    });
    const serverId = await program.until(() => {
      const [first] = documents(program);
      return first === undefined ? undefined : String(first['server_id']);
    }, 'its Server ID');
    return new FixtureHost(program, serverId);
  }

  private constructor(program: Program, serverId: string) {
    this.#program = program;
    this.serverId = serverId;
  }

  /** Waits until that many connections have ended in all. */
  async loses(connections: number): Promise<void> {
    const lost = (): number => documents(this.#program).filter(({ event }) => event === 'left').length;
    await this.#program.until(() => lost() >= connections || undefined, `the end of ${connections} connections`);
  }

  /** The first message of that type, including those already received. */
  /** Resolves with the first message of this type that also `fits`. */
  receives(type: string, fits: (message: Message) => boolean = () => true): Promise<Message> {
    return this.#program.until(
      () =>
        documents(this.#program)
          .flatMap(({ message }) => (isMessage(message) ? [message] : []))
          .find((message) => message.type === type && fits(message)),
      `a ${type}`,
    );
  }
}

/** A client of the LocalLLM program that sends what the test gives it. */
export class FixtureClient {
  readonly #program: Program;

  constructor(network: TestNetwork, serverId: string) {
    const command = [CLIENT, '--bootstrap', network.bootstrap, '--server-id', serverId, '--raw'];
    this.#program = network.run({ name: 'raw client', command });
  }

  get messages(): Message[] {
    return documents(this.#program).flatMap((document) => (isMessage(document) ? [document] : []));
  }

  send(...messages: readonly object[]): void {
    const bytes = messages.map((message) => `${JSON.stringify(message)}\n`).join('');
    this.write(bytes);
  }

  /** Writes raw text at once. */
  write(text: string): void {
    this.#program.write(`${JSON.stringify({ hex: Buffer.from(text).toString('hex') })}\n`);
  }

  /** The first matching message, including those already received. */
  receives(what: string, fits: (message: Message) => boolean): Promise<Message> {
    return this.#program.until(() => this.messages.find(fits), what);
  }

  async isDisconnected(): Promise<void> {
    await this.#program.until(
      () => documents(this.#program).some(({ event }) => event === 'left') || undefined,
      'the end of the connection',
    );
  }

  async leave(): Promise<void> {
    this.#program.endInput();
    await this.#program.ended();
  }
}

/** The LocalLLM program's client with one prompt; it ends after the answer. */
export function runFixtureClient(network: TestNetwork, serverId: string, prompt: string): Program {
  const command = [CLIENT, '--bootstrap', network.bootstrap, '--server-id', serverId, '--prompt', prompt];
  return network.run({ name: 'client', command });
}

/** Runs `shoal` in a terminal; written text is typed there. `node` starts the launcher; default: the Node of this test. */
export function atTerminal(
  network: TestNetwork,
  home: string,
  args: readonly string[],
  node = process.execPath,
): Program {
  return network.run({
    name: `shoal ${args.join(' ')} at a terminal`,
    interpreter: 'python3',
    command: ['-c', AT_A_TERMINAL, node, LAUNCHER, ...args],
    environment: { SHOAL_HOME: home, TERM: 'xterm' },
  });
}

/** The JSON documents that a program has printed, one per line. */
export function documents(program: Program): { readonly [field: string]: unknown }[] {
  const lines = program.stdout.split('\n').slice(0, -1);
  return lines.map((line): { [field: string]: unknown } => JSON.parse(line));
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
