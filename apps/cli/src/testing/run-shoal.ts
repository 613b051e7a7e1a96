import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LAUNCHER } from '../node/launcher.ts';

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Compile cache of all commands in a test file. Their homes are new, and compiling takes a second each time. */
const COMPILE_CACHE = process.env['NODE_COMPILE_CACHE'] ?? temporaryCache();

interface Test {
  after(release: () => Promise<void>): void;
}

/** Creates a folder that is removed when the test ends. `leave` runs before that. */
export function temporaryFolder(
  test: Test,
  leave: (folder: string) => Promise<unknown> = async () => undefined,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-cli-'));
  test.after(async () => {
    await leave(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Runs commands in a home of their own, without the machine's settings. */
export class Shoal {
  readonly home: string;
  readonly environment: NodeJS.ProcessEnv;

  constructor(home: string, variables: NodeJS.ProcessEnv = {}) {
    const { PATH, HOME } = process.env;
    this.home = home;
    this.environment = {
      PATH,
      HOME,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      SHOAL_HOME: home,
      // The models of the user who runs the tests are not theirs.
      SHOAL_MODELS: join(home, 'models'),
      SHOAL_PORT: '0',
      ...variables,
    };
  }

  /** Starts a command and returns its process. */
  spawn(args: readonly string[], node = process.execPath): ChildProcess {
    return spawn(node, [LAUNCHER, ...args], { env: this.environment, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], { input = '', node = process.execPath } = {}): Promise<Result> {
    const child = this.spawn(args, node);
    const output = Promise.all([read(child.stdout), read(child.stderr), once(child, 'exit')]);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    const [stdout, stderr] = await output;
    return { code: child.exitCode, stdout, stderr };
  }

  /** Runs a command with `--json` and parses its one document. */
  async json(args: readonly string[]): Promise<{ readonly code: number | null; readonly document: unknown }> {
    const { code, stdout } = await this.run([...args, '--json']);
    return { code, document: JSON.parse(stdout) };
  }
}

/** Returns the code of an error document. */
export function errorCode(document: unknown): unknown {
  const { error } = document as { error?: { code?: unknown } };
  return error?.code;
}

function temporaryCache(): string {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-compiled-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function read(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}
