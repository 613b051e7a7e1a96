import { execFile } from 'node:child_process';
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { errorCode, isMissing } from '@shoal/files/error-code';
import { cgroupLimits } from './cgroup.ts';
import type { ReadText } from './cgroup.ts';

/** A driver that hangs must not delay the start of a node. */
const NVIDIA_SMI_TIMEOUT_MS = 5_000;
/** A line is about ten bytes: room for thousands of cards. */
const NVIDIA_SMI_OUTPUT_BYTES = 64 * 1024;

const KIB = 1024;
const MIB_PER_GIB = 1024;
const GIB = 1024 ** 3;

/** The resources of a machine in whole cores and GiB, under the names of `resources.json`; null where unknown. */
export interface Resources {
  readonly cpu_cores: number;
  readonly ram_gb: number;
  /** The memory of all NVIDIA cards together. */
  readonly gpu_vram_gb: number | null;
  /** Free, not total. */
  readonly disk_gb: number | null;
}

/** The sources that the gauge reads. */
export interface GaugeSources {
  /** Reads a file of `/proc` or `/sys`; undefined if it does not exist, as on macOS and Windows. */
  readonly readText: ReadText;
  /** The cores and bytes of memory that Node reports on every system. */
  readonly node: () => { readonly cores: number; readonly memoryBytes: number };
  /** One line a card, its memory in MiB; undefined without a working NVIDIA driver. */
  readonly nvidiaMemory: () => Promise<string | undefined>;
  /** Bytes free for an ordinary user on the file system of an existing folder; undefined if there is no such folder. */
  readonly freeBytes: (folder: string) => Promise<number | undefined>;
}

const MACHINE: GaugeSources = {
  readText,
  node: () => ({ cores: availableParallelism(), memoryBytes: totalmem() }),
  nvidiaMemory,
  freeBytes,
};

/**
 * Measures this machine's resources: the cores that this process may use, or its CPU limit rounded up; memory and video
 * memory rounded to the nearest GiB, so that a machine sold with 8 GB has 8; whole GiB free on the disk of `folder`.
 * Reads `/proc` and the control groups where they exist, else uses what Node reports. Video memory is null where only
 * `nvidia-smi` could report it and the system is not known to have none.
 */
export async function gaugeResources(folder: string, sources: GaugeSources = MACHINE): Promise<Resources> {
  const { readText: read, node } = sources;
  const limits = await cgroupLimits(read);
  const stat = await read('/proc/stat');
  const cores = Math.min(onlineCores(stat) ?? node().cores, allowedCores(await read('/proc/self/status')));
  const memoryBytes = totalMemoryBytes(await read('/proc/meminfo')) ?? node().memoryBytes;
  const cards = await sources.nvidiaMemory();
  const freeDiskBytes = await freeBytesNear(resolve(folder), sources);

  return {
    cpu_cores: Math.min(cores, Math.ceil(limits.cpus)),
    ram_gb: Math.round(Math.min(memoryBytes, limits.memoryBytes) / GIB),
    // Without /proc this may be a Mac, whose GPU nvidia-smi does not know.
    gpu_vram_gb: cards === undefined && stat === undefined ? null : Math.round(videoMemoryMib(cards) / MIB_PER_GIB),
    disk_gb: freeDiskBytes === undefined ? null : Math.floor(freeDiskBytes / GIB),
  };
}

/** Counts the lines `cpu0 …` of `/proc/stat`, one for each core that is online. */
function onlineCores(stat: string | undefined): number | undefined {
  return stat?.match(/^cpu\d+ /gm)?.length;
}

/** Counts the cores of `Cpus_allowed_list:	0-3,8`, which a cpuset or an affinity mask limits. */
function allowedCores(status: string | undefined): number {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status ?? '')?.[1];
  if (list === undefined) return Infinity;
  return list.split(',').reduce((cores, range) => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return cores + last - first + 1;
  }, 0);
}

function totalMemoryBytes(meminfo: string | undefined): number | undefined {
  const kib = /^MemTotal:\s+(\d+) kB$/m.exec(meminfo ?? '')?.[1];
  return kib === undefined ? undefined : Number(kib) * KIB;
}

/** Adds up the cards' memory. A card that shares the system's memory reports `[N/A]` and counts as 0. */
function videoMemoryMib(lines: string | undefined): number {
  const cards = (lines ?? '').match(/^ *\d+ *$/gm) ?? [];
  return cards.reduce((sum, card) => sum + Number(card), 0);
}

/** Returns the bytes free where the folder is or would be created; undefined if no file system reports them. */
async function freeBytesNear(folder: string, sources: GaugeSources): Promise<number | undefined> {
  const bytes = await sources.freeBytes(folder);
  if (bytes !== undefined) return bytes;
  const parent = dirname(folder);
  return parent === folder ? undefined : freeBytesNear(parent, sources);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error) || errorCode(error) === 'EACCES') return undefined;
    throw error;
  }
}

/** Undefined if the driver is missing, broken or does not answer: its memory cannot be used in any of these cases. */
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
