import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, lstat, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findProgram, runProgram, userEnvironment } from './program.ts';
import { ROOT } from './workspace.ts';

const CHECKS = join(import.meta.dirname, 'checks');
const CLUSTER = 'release-check';
const CHECK_TIMEOUT_MS = 120_000;
const INSTALL_TIMEOUT_MS = 300_000;
/** An installation from npm is at most so many times as large as a checkout with its packages. */
const SIZE_RATIO_MAX = 1.1;
const MIB = 1024 ** 2;

/** A folder in which the packages were installed as users install them. */
interface Installation {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly version: string;
}

/**
 * Installs the archives into an empty folder with the machine's own npm and Node, and runs them there: the command line, the
 * SDK, an engine, the types, and the protocol in Bare. Throws at the first that fails.
 */
export async function tryOut(archives: readonly string[], version: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-release-'));
  try {
    const environment = { ...userEnvironment(), SHOAL_HOME: join(folder, 'home'), SHOAL_PORT: '0' };
    const installation = { folder: join(folder, 'app'), environment, version };
    await install(installation, archives);
    await checkSize(installation);
    await checkCommandLine(installation);
    await checkSdk(installation);
    await checkEngine(installation);
    await checkTypes(installation);
    await checkBare(installation);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function install({ folder, environment }: Installation, archives: readonly string[]): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', ...archives];
  await runProgram(findProgram('npm'), args, { folder, environment, timeoutMs: INSTALL_TIMEOUT_MS });
  const { stdout } = await runProgram(findProgram('node'), ['--version'], { folder });
  report('install', `${archives.length} packages, with npm under Node ${stdout.trim()}`);
}

async function checkSize({ folder }: Installation): Promise<void> {
  const { stdout } = await runProgram('git', ['ls-files', '-z'], { folder: ROOT });
  const sources = stdout.split('\0').filter((file) => file !== '' && existsSync(join(ROOT, file)));
  const sizes = await Promise.all(sources.map(async (file) => (await lstat(join(ROOT, file))).size));
  const checkout = sizes.reduce((sum, size) => sum + size, await sizeOf(join(ROOT, 'node_modules')));
  const installed = await sizeOf(folder);
  const ratio = installed / checkout;
  const text = `${mebibytes(installed)} installed, ${mebibytes(checkout)} in the checkout, ratio ${ratio.toFixed(2)}`;
  if (ratio > SIZE_RATIO_MAX) throw new Error(`The installation is too large: ${text}`);
  report('size', text);
}

/** Bytes of all files below a folder. Links are not followed. */
async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

async function checkCommandLine(installation: Installation): Promise<void> {
  const printed = (await shoal(installation, '--version')).trim();
  if (printed !== installation.version) throw new Error(`shoal --version prints ${printed}.`);
  const help = await shoal(installation, '--help');
  if (!help.includes('Usage: shoal')) throw new Error(`shoal --help prints ${help}`);
  const demo = await shoal(installation, 'demo');
  if (!/answers: 4/.test(demo)) throw new Error(`shoal demo prints ${demo}`);
  report('command line', `shoal ${printed}; its demo answers`);
}

/** Has the SDK ask a node that lends the echo engine, over a DHT of its own. */
async function checkSdk(installation: Installation): Promise<void> {
  const { folder, environment } = installation;
  const dht = spawn(shoalPath(folder), ['bootstrap', '--host', '127.0.0.1', '--port', '0'], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const bootstrap = await firstAddress(dht.stdout);
    const lend = ['start', '--lend', '--engine', 'echo', '--cluster', CLUSTER, '--bootstrap', bootstrap];
    await shoal(installation, ...lend);
    try {
      const answer = await runCheck(installation, 'sdk.ts', bootstrap, CLUSTER);
      if (!answer.includes('an echo')) throw new Error(`The SDK got another answer: ${answer}`);
    } finally {
      await shoal(installation, 'stop');
    }
  } finally {
    dht.kill();
  }
  report('SDK', '@shoal/client gets an answer');
}

async function firstAddress(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [address] = /127\.0\.0\.1:\d+/.exec(line) ?? [];
    if (address !== undefined) return address;
  }
  throw new Error('shoal bootstrap prints no address.');
}

async function checkEngine(installation: Installation): Promise<void> {
  const model = join(installation.folder, 'node_modules/@shoal/host/models/demo/shoal-demo.gguf');
  const answer = await runCheck(installation, 'engine.ts', model);
  if (answer.trim() !== '4') throw new Error(`The demo model answers ${answer}`);
  report('engine', '@shoal/engine-llama answers with the demo model');
}

/** Compiles the checks against the published types. */
async function checkTypes({ folder }: Installation): Promise<void> {
  const options = ['--noEmit', '--strict', '--target', 'es2024', '--module', 'nodenext', '--types', 'node'];
  const types = ['--typeRoots', join(ROOT, 'node_modules/@types')];
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  await runProgram(process.execPath, [compiler, ...options, ...types, 'sdk.ts', 'engine.ts'], { folder });
  report('types', 'programs that use the packages compile');
}

async function checkBare({ folder, environment }: Installation): Promise<void> {
  const bare = join(homedir(), '.cache/shoal-tools/bare/node_modules/.bin/bare');
  if (!existsSync(bare)) {
    report('Bare', `skipped, because ${bare} is missing`);
    return;
  }
  await cp(join(CHECKS, 'bare.js'), join(folder, 'bare.js'));
  await runProgram(bare, ['bare.js'], { folder, environment, timeoutMs: CHECK_TIMEOUT_MS });
  report('Bare', '@shoal/protocol loads');
}

/** Runs one of the checks with the Node that came with the packages. Returns what it prints. */
async function runCheck(
  { folder, environment }: Installation,
  file: string,
  ...args: readonly string[]
): Promise<string> {
  await cp(join(CHECKS, file), join(folder, file));
  const node = join(folder, 'node_modules/.bin/node');
  const options = { folder, environment, timeoutMs: CHECK_TIMEOUT_MS };
  return (await runProgram(node, [file, ...args], options)).stdout;
}

/** Runs a command with the machine's own Node. Returns what it prints. */
async function shoal({ folder, environment }: Installation, ...args: readonly string[]): Promise<string> {
  const options = { folder, environment, timeoutMs: CHECK_TIMEOUT_MS };
  return (await runProgram(shoalPath(folder), args, options)).stdout;
}

function shoalPath(folder: string): string {
  return join(folder, 'node_modules/.bin/shoal');
}

function report(check: string, result: string): void {
  console.log(`${check}: ${result}`);
}
