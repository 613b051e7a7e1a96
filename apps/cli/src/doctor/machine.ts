import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { findDemoModel } from '@shoal/host/engines';
import { chooseGpuPackage, gpuPackageName, type GpuPackage } from '@shoal/host/engines/gpu-package';
import { existingFolder } from '@shoal/files/make-folder';
import type { Home } from '@shoal/host/home';
import { findLlama } from '@shoal/host/engines/packages';
import { tryLlama } from '@shoal/host/engines/trial';
import { fail, ok, warn, type Check } from './check.ts';

const NEEDED_NODE = 24;
const PROGRAM_TIMEOUT_MS = 5_000;
/** With less than these a node runs, but no useful model. */
const LITTLE_MEMORY_BYTES = 512 * 1_048_576;
const LITTLE_DISK_BYTES = 1_024 * 1_048_576;
const GIB = 1_024 ** 3;
const AUTOMATIC_LAYERS = -1;

export function checkNodeVersion(): Check {
  const major = Number(process.versions.node.split('.')[0]);
  const version = `${process.versions.node} (${process.execPath})`;
  return major >= NEEDED_NODE
    ? ok('Node', version)
    : fail('Node', version, `Shoal needs ${NEEDED_NODE} or newer: https://nodejs.org`);
}

/** Checks that the installed libraries answer a message on the processor. */
export async function checkLlama(): Promise<Check> {
  const { binary } = findLlama();
  if (binary !== undefined) {
    const libraries = `the libraries of node-llama-cpp ${binary.version} for this processor`;
    const trial = await tryLlama();
    if (trial.works) {
      const network = trial.isOffline ? 'without a network' : 'but this system cannot deny its process the network';
      return ok('llama.cpp', `${libraries}; the demo model answered, ${network}`);
    }
    return warn('llama.cpp', `${libraries} do not work: ${trial.why}`, trial.remedy ?? 'npm install');
  }
  const platform = `${process.platform} on ${process.arch}`;
  return warn(
    'llama.cpp',
    `not installed for ${platform}: this node can ask, but not lend`,
    'npm install, on the machine that it is for',
  );
}

export function checkDemoModel(): Check {
  const path = findDemoModel();
  return path === undefined
    ? warn('Demo model', 'not part of this installation', 'lend a GGUF file with --model PATH')
    : ok('Demo model', path);
}

export async function checkGpu(home: Home): Promise<Check> {
  const cards = await output('nvidia-smi', ['--query-gpu=name,memory.total', '--format=csv,noheader']);
  const names = cards?.trim().split('\n').join('; ');
  const used = chooseGpuPackage(home, AUTOMATIC_LAYERS);
  if (used !== undefined) return checkGpuPackage(used, names);
  if (names === undefined) return ok('GPU', 'none seen; models run on the CPU');
  return warn(
    'GPU',
    `${names}; the binaries that use it come on demand and are not here, so models run on the CPU`,
    gpuPackageName('cuda') === undefined ? 'shoal engine build --gpu cuda' : 'shoal engine add cuda',
  );
}

/** Checks that the engine llama answers a message on a GPU. */
async function checkGpuPackage(used: GpuPackage, names: string | undefined): Promise<Check> {
  const { gpu, folder } = used;
  const binaries = `${names === undefined ? '' : `${names}, with `}the binaries for ${gpu} in ${folder}`;
  const trial = await tryLlama(used);
  if (trial.works) return ok('GPU', `${binaries}; the demo model answered on it`);
  return warn('GPU', `${binaries} do not work: ${trial.why}`, trial.remedy ?? `shoal engine remove ${gpu}`);
}

export function checkMemory(): Check {
  const free = freemem();
  const message = `${(free / GIB).toFixed(1)} GB free`;
  return free < LITTLE_MEMORY_BYTES
    ? warn('Memory', message, 'close programs, or lend a small model')
    : ok('Memory', message);
}

export async function checkDisk(home: Home): Promise<Check> {
  const { bavail, bsize } = await statfs(existingFolder(home.state));
  const free = bavail * bsize;
  const message = `${(free / GIB).toFixed(1)} GB free at ${home.state}`;
  return free < LITTLE_DISK_BYTES
    ? warn('Disk', message, 'free disk space, or set SHOAL_HOME to another disk')
    : ok('Disk', message);
}

/** Checks a program that similar projects need. Shoal does not need it. */
export async function checkOptional(name: string, program: string, args: readonly string[]): Promise<Check> {
  const text = await output(program, args);
  const found = text?.trim().split('\n')[0];
  return ok(name, found === undefined ? 'not here; optional, Shoal needs none' : `${found || program}; optional`);
}

/** Returns the output of a program. Undefined if it does not exist, fails or times out. */
function output(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: PROGRAM_TIMEOUT_MS, killSignal: 'SIGKILL' }, (error, stdout) =>
      resolve(error === null ? stdout : undefined),
    );
  });
}
