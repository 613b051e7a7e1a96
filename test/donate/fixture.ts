import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Program } from '../harness/program.ts';

export const DEMO_MODEL = fileURLToPath(new URL('../../models/demo/shoal-demo.gguf', import.meta.url));
const LAUNCHER = fileURLToPath(new URL('../../apps/cli/bin/shoal.js', import.meta.url));
const CLIENT = fileURLToPath(new URL('./fixture_client.py', import.meta.url));
const SERVER = fileURLToPath(new URL('./fixture_server.py', import.meta.url));

/** The reason why the protocol's other programs cannot run here. False if they can. */
export const NO_FIXTURES =
  spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status !== 0 &&
  'the other program of this protocol is in Python: install python3, 3.9 or newer';

interface Test {
  after(release: () => Promise<void>): void;
}

export interface Frame {
  readonly type?: string | undefined;
  readonly [field: string]: unknown;
}

/** A program that ends with the test. */
function run(test: Test, program: Program): Program {
  test.after(() => program.kill());
  return program;
}

/** `shoal …` in its own home. */
export function shoal(test: Test, home: string, ...args: readonly string[]): Program {
  const command = [LAUNCHER, ...args];
  return run(test, new Program({ name: `shoal ${args[0]}`, command, environment: { SHOAL_HOME: home } }));
}

/** `shoal donate` on a free port, and the port. */
export async function donate(test: Test, home: string, ...args: readonly string[]): Promise<[Program, string]> {
  const node = shoal(test, home, 'donate', '--port', '0', '--threads', '1', '--gpu-layers', '0', ...args);
  const port = await node.until(() => / on [\d.]+:(\d+) /.exec(node.stdout)?.[1], 'where it listens');
  return [node, port];
}

/** Runs the other program's client and returns the frames that it received. */
export async function fixtureClient(
  test: Test,
  port: string,
  ...args: readonly string[]
): Promise<{ exitCode: number | null; frames: Frame[]; stderr: string }> {
  const client = rawFixtureClient(test, port, ...args);
  const exitCode = await client.ended();
  return { exitCode, frames: documents(client), stderr: client.stderr };
}

/** The other program's client while it runs. */
export function rawFixtureClient(test: Test, port: string, ...args: readonly string[]): Program {
  return run(test, new Program({ name: 'client', interpreter: 'python3', command: [CLIENT, '--port', port, ...args] }));
}

/** The other program's server, and its port. */
export async function fixtureServer(test: Test, ...args: readonly string[]): Promise<[Program, string]> {
  const server = run(
    test,
    new Program({ name: 'server', interpreter: 'python3', command: [SERVER, '--port', '0', ...args] }),
  );
  const port = await server.until(() => documents(server)[0]?.['port'], 'where it listens');
  return [server, String(port)];
}

/** The JSON documents, one per line, that a fixture has printed so far. */
export function documents(program: Program): Frame[] {
  return program.stdout
    .split('\n')
    .slice(0, -1)
    .map((line): Frame => JSON.parse(line));
}
