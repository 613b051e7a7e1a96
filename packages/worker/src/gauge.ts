import { execFile } from 'node:child_process';
import { readFile, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errorCode, isMissing } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol';
import { cgroupLimits } from './cgroup.ts';
import type { ReadText } from './cgroup.ts';

/** A driver that hangs must not hold up the start of a node. */
const NVIDIA_SMI_TIMEOUT_MS = 5_000;
/** A line is about ten bytes: room for thousands of cards. */
const NVIDIA_SMI_OUTPUT_BYTES = 64 * 1024;

const KIB = 1024;
const MIB_PER_GIB = 1024;
const GIB = 1024 ** 3;

/** What a machine has, in whole cores and GiB, named as in `resources.json`. */
export interface Resources {
  readonly cpu_cores: number;
  readonly ram_gb: number;
  /** All cards together. */
  readonly gpu_vram_gb: number;
  /** Free, not total. */
  readonly disk_gb: number;
}

/** Where the gauge looks. */
export interface GaugeSources {
  readonly readText: ReadText;
  /** One line a card, its memory in MiB; undefined without a working NVIDIA driver. */
  readonly nvidiaMemory: () => Promise<string | undefined>;
  /** Bytes free for an ordinary user on the file system that holds an existing folder; undefined where it does not exist. */
  readonly freeBytes: (folder: string) => Promise<number | undefined>;
}

const MACHINE: GaugeSources = { readText, nvidiaMemory, freeBytes };

/**
 * Gauges this machine (Linux): cores that this process may use, or its CPU limit rounded up; memory and video memory
 * rounded to the nearest GiB, so that a machine sold with 8 GB is one; whole GiB free where `folder` is or would be made.
 * Throws `INTERNAL` where /proc does not tell.
 */
export async function gaugeResources(folder: string, sources: GaugeSources = MACHINE): Promise<Resources> {
  const { readText: read } = sources;
  const limits = await cgroupLimits(read);
  const cores = Math.min(
    onlineCores(await required('/proc/stat', read)),
    allowedCores(await read('/proc/self/status')),
  );
  const memoryBytes = totalMemoryBytes(await required('/proc/meminfo', read));

  return {
    cpu_cores: Math.min(cores, Math.ceil(limits.cpus)),
    ram_gb: Math.round(Math.min(memoryBytes, limits.memoryBytes) / GIB),
    gpu_vram_gb: Math.round(videoMemoryMib(await sources.nvidiaMemory()) / MIB_PER_GIB),
    disk_gb: Math.floor((await freeBytesNear(resolve(folder), sources)) / GIB),
  };
}

/** /proc/stat has a line `cpu0 …` for each core that is online. */
function onlineCores(stat: string): number {
  const cores = stat.match(/^cpu\d+ /gm)?.length;
  if (cores === undefined) throw ungaugeable('/proc/stat names no CPU');
  return cores;
}

/** `Cpus_allowed_list:	0-3,8`: what a cpuset or an affinity mask leaves of them. */
function allowedCores(status: string | undefined): number {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status ?? '')?.[1];
  if (list === undefined) return Infinity;
  return list.split(',').reduce((cores, range) => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return cores + last - first + 1;
  }, 0);
}

function totalMemoryBytes(meminfo: string): number {
  const kib = /^MemTotal:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  if (kib === undefined) throw ungaugeable('/proc/meminfo has no MemTotal');
  return Number(kib) * KIB;
}

/** Cards that share the system's memory report `[N/A]`, and have none of their own. */
function videoMemoryMib(lines: string | undefined): number {
  const cards = (lines ?? '').match(/^ *\d+ *$/gm) ?? [];
  return cards.reduce((sum, card) => sum + Number(card), 0);
}

async function freeBytesNear(folder: string, sources: GaugeSources): Promise<number> {
  const bytes = await sources.freeBytes(folder);
  if (bytes !== undefined) return bytes;
  const parent = dirname(folder);
  if (parent === folder) throw ungaugeable('the root folder has no file system');
  return freeBytesNear(parent, sources);
}

async function required(path: string, read: ReadText): Promise<string> {
  const text = await read(path);
  if (text === undefined) throw ungaugeable(`${path} cannot be read`);
  return text;
}

function ungaugeable(why: string): ShoalError {
  return new ShoalError('INTERNAL', `This machine cannot be gauged: ${why}. The gauge works on Linux.`);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error) || errorCode(error) === 'EACCES') return undefined;
    throw error;
  }
}

/** A driver that is absent, broken or stuck leaves no video memory to use, so each of the three is undefined. */
function nvidiaMemory(): Promise<string | undefined> {
  const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits'];
  const bounds = { timeout: NVIDIA_SMI_TIMEOUT_MS, maxBuffer: NVIDIA_SMI_OUTPUT_BYTES, killSignal: 'SIGKILL' } as const;
  return new Promise((settle) => {
    execFile('nvidia-smi', query, bounds, (error, stdout) => settle(error === null ? stdout : undefined));
  });
}

async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const system = await statfs(folder);
    return system.bavail * system.bsize;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
