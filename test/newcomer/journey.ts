import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Line } from './document.ts';
import { Shell } from './shell.ts';

/** Commands that stay in the foreground, and the output after which the next line is typed in another terminal. */
const STAYS: readonly (readonly [RegExp, RegExp])[] = [
  [/^shoal bootstrap(?!.* --background)/, /^A DHT of your own: \S+\n/m],
  [/^shoal serve /, /API on /],
  [/^shoal share /, /^Server ID: \S+\n/m],
  [/^(shoal qmesh worker|node examples\/run-worker)/, /Ctrl-C ends it/],
];

/** Text that the output of a command must contain. */
const EXPECTED: readonly (readonly [RegExp, RegExp])[] = [
  [/^npm run demo/, /answers: 4/],
  [/^shoal (--node \w+ )?prompt /, /^4$/m],
  [/^shoal (run demo|chat|qmesh ask)/, /^4$/m],
  [/ node examples\/ask/, /^4$/m],
  [/^node examples\/basic-client/, /Response: 4$/m],
  [/^shoal batch /, /1 answered, 0 failed/],
  [/^cat questions/, /"content":"4"/],
  [/^curl /, /"4"/],
];

/** Commands whose effect ends with their terminal. A person repeats them in each. */
const SET_UP = /^(alias|export) /;

/** Addresses and ports that the documents name. */
const DOCUMENTED = { machine: '192.168.1.10:49737', bootstrapPort: '49737', apiPort: '17002' } as const;

export interface JourneyOptions {
  /** The checkout. */
  readonly folder: string;
  /** The folder with a home folder for each machine. */
  readonly homes: string;
  readonly environment: NodeJS.ProcessEnv;
  /** The file that commands read as their standard input. */
  readonly typed: string;
}

/** One machine of a journey. */
interface Machine {
  readonly home: string;
  readonly apiPort: string;
}

/** The way through one document: its terminals, and what the commands printed that later lines need. */
export class Journey {
  readonly #options: JourneyOptions;
  readonly #shells: Shell[] = [];
  readonly #setUp: string[] = [];
  #machine: Machine | undefined;
  /** The terminal in which the lines are typed, unless they name one. */
  #shell: Shell | undefined;
  #named: { readonly terminal: string; readonly shell: Shell } | undefined;
  #bootstrap = '';
  #serverId = '';
  #machines = 0;

  constructor(options: JourneyOptions) {
    this.#options = options;
  }

  /** Runs a line where the document says. */
  async take({ command, terminal, onOwnMachine }: Line): Promise<void> {
    this.#machine ??= await this.#openMachine();
    const typed = await this.#withFreePorts(command, this.#machine);
    if (onOwnMachine) return this.#runToEnd(await this.#openShell(await this.#openMachine()), typed);
    const shell = await this.#terminal(terminal, this.#machine);
    const [, until] = STAYS.find(([pattern]) => pattern.test(command)) ?? [];
    if (until === undefined) {
      await this.#runToEnd(shell, typed);
      if (SET_UP.test(typed)) this.#setUp.push(typed);
      return;
    }
    this.#remember(await shell.begin(typed, until));
    if (shell === this.#shell) this.#shell = undefined;
  }

  /** Ends the commands in the foreground. */
  async close(): Promise<void> {
    await Promise.all(this.#shells.map((shell) => shell.close()));
  }

  async #runToEnd(shell: Shell, command: string): Promise<void> {
    const { code, output } = await shell.run(command);
    assert.equal(code, 0, output);
    const [, expected] = EXPECTED.find(([pattern]) => pattern.test(command)) ?? [];
    if (expected !== undefined) assert.match(output, expected);
    this.#remember(output);
  }

  #remember(output: string): void {
    this.#bootstrap = /^A DHT of your own: (\S+)$/m.exec(output)?.[1] ?? this.#bootstrap;
    this.#serverId = /^Server ID: (\S+)$/m.exec(output)?.[1] ?? this.#serverId;
  }

  /** Replaces what differs on each machine: ports, and what a command before printed. */
  async #withFreePorts(command: string, { apiPort }: Machine): Promise<string> {
    return command
      .replace(/^shoal bootstrap/, `shoal bootstrap --port ${await freePort()}`)
      .replaceAll(DOCUMENTED.machine, this.#bootstrap)
      .replaceAll(DOCUMENTED.bootstrapPort, this.#bootstrap.split(':')[1] ?? '')
      .replaceAll(DOCUMENTED.apiPort, apiPort)
      .replaceAll('SERVER_ID', this.#serverId);
  }

  async #terminal(name: string | undefined, machine: Machine): Promise<Shell> {
    if (name === undefined) return (this.#shell ??= await this.#openShell(machine));
    if (this.#named?.terminal !== name) this.#named = { terminal: name, shell: await this.#openShell(machine) };
    return this.#named.shell;
  }

  async #openMachine(): Promise<Machine> {
    this.#machines += 1;
    const home = join(this.#options.homes, String(this.#machines));
    await mkdir(home, { recursive: true });
    return { home, apiPort: String(await freePort()) };
  }

  async #openShell({ home, apiPort }: Machine): Promise<Shell> {
    const { folder, environment, typed } = this.#options;
    const shell = new Shell({ folder, environment: { ...environment, HOME: home, SHOAL_PORT: apiPort }, typed });
    this.#shells.push(shell);
    for (const command of this.#setUp) await shell.run(command);
    return shell;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The system gave no port.');
  return address.port;
}
