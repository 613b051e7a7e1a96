import { copyFile, mkdir, mkdtemp, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism, freemem } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '@shoal/files/error-code';
import { isProcessAlive } from '@shoal/files/process';
import {
  BUILD_DESCRIPTION,
  type BuildDescription,
  type GpuBackend,
  type LlamaCppSource,
  processorKey,
} from '@shoal/host/engines/places';
import { existingFolder } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol';
import { size } from '../terminal/transfer-progress.ts';
import type { BuildLine } from './build-progress.ts';
import { runProgram } from './run-program.ts';
import type { Toolchain } from './toolchain.ts';

/** Source, objects and programs of a build; a GPU's code is several times as much. */
const BUILD_BYTES = 1024 ** 3;
const GPU_BUILD_BYTES = 4 * 1024 ** 3;
/** What one compiler takes at most; more of them at once would only swap. */
const COMPILER_BYTES = 1.5 * 1024 ** 3;
const PROGRAMS = ['llama-server', 'ggml-rpc-server', 'llama-bench', 'llama-quantize'] as const;
/** Begins the name of a folder in which a build is being made; its maker's process id follows. */
const UNFINISHED = '.building-';
const SETTINGS = {
  CMAKE_BUILD_TYPE: 'Release',
  BUILD_SHARED_LIBS: 'OFF',
  GGML_NATIVE: 'ON',
  GGML_RPC: 'ON',
  LLAMA_BUILD_TESTS: 'OFF',
  LLAMA_BUILD_EXAMPLES: 'OFF',
  LLAMA_BUILD_APP: 'OFF',
  LLAMA_BUILD_UI: 'OFF',
  LLAMA_USE_PREBUILT_UI: 'OFF',
  LLAMA_OPENSSL: 'OFF',
} as const;
const GPU_SETTINGS: Readonly<Record<GpuBackend, Readonly<Record<string, string>>>> = {
  none: { GGML_METAL: 'OFF' },
  cuda: { GGML_CUDA: 'ON' },
  vulkan: { GGML_VULKAN: 'ON' },
  metal: { GGML_METAL: 'ON', GGML_METAL_EMBED_LIBRARY: 'ON' },
};

export interface BuildOptions {
  readonly source: LlamaCppSource;
  /** Where the programs shall lie; what lies there is replaced once they are complete. */
  readonly folder: string;
  readonly gpu: GpuBackend;
  readonly toolchain: Toolchain;
  readonly line: BuildLine;
  readonly signal: AbortSignal;
}

/**
 * Compiles llama.cpp's programs for this machine. Everything is made in a folder beside the wanted one and renamed at the end;
 * whatever happens, that folder is gone then, and so are those that a killed build left. Throws `STORAGE_FULL` before
 * anything is begun, `GENERATION_FAILED` with the last words of what failed.
 */
export async function buildLlamaCpp(options: BuildOptions): Promise<BuildDescription> {
  const { folder, gpu, signal } = options;
  const parent = dirname(folder);
  await checkRoom(parent, gpu === 'none' ? BUILD_BYTES : GPU_BUILD_BYTES);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeUnfinished(parent);
  const work = await mkdtemp(join(parent, `${UNFINISHED}${process.pid}-`));
  try {
    const [tree, objects, made] = [join(work, 'source'), join(work, 'objects'), join(work, 'made')];
    await compile(options, tree, objects);
    const description = {
      release: options.source.release,
      gpu,
      processor: processorKey(),
      builtAt: new Date().toISOString(),
    };
    await collect(objects, made, description, signal);
    await replaceFolder(folder, made, work);
    return description;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compile(options: BuildOptions, tree: string, objects: string): Promise<void> {
  const { source, gpu, toolchain, line, signal } = options;
  const { git, cmake, hasNinja } = toolchain;
  line.step(`Taking llama.cpp ${source.release} out of its bundle`);
  await runProgram(git, ['clone', '--quiet', source.bundle, tree], { signal });
  line.step('Looking at the compiler');
  const settings = Object.entries({ ...SETTINGS, ...GPU_SETTINGS[gpu] }).map(([name, value]) => `-D${name}=${value}`);
  const generator = hasNinja ? ['-G', 'Ninja'] : [];
  await runProgram(cmake, ['-S', tree, '-B', objects, ...generator, ...settings], { signal });
  const words = ['--build', objects, '--config', 'Release', '--parallel', String(compilers())];
  line.step('Compiling');
  await runProgram(cmake, [...words, '--target', ...PROGRAMS], { signal, onLine: (text) => line.hear(text) });
}

/** As many as the machine has processors and memory for. */
function compilers(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / COMPILER_BYTES)));
}

/** The programs, which must run, with what they are. */
async function collect(
  objects: string,
  made: string,
  description: BuildDescription,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(made, { mode: 0o700 });
  for (const program of PROGRAMS) await copyFile(join(objects, 'bin', program), join(made, program));
  await runProgram(join(made, 'llama-server'), ['--version'], { signal });
  await writeFile(join(made, BUILD_DESCRIPTION), `${JSON.stringify(description, undefined, 2)}\n`);
}

/** A folder that is not empty cannot be renamed over: the old one goes where it is removed with the rest. */
export async function replaceFolder(folder: string, replacement: string, aside: string): Promise<void> {
  try {
    await rename(folder, join(aside, 'old'));
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  await rename(replacement, folder);
}

/** Throws `STORAGE_FULL` where the disk has less room. */
export async function checkRoom(folder: string, bytes: number): Promise<void> {
  const place = existingFolder(folder);
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const message = `This takes ${size(bytes)} of disk for a while, and ${place} has ${size(free)}. Make room, or set SHOAL_HOME to another disk.`;
  throw new ShoalError('STORAGE_FULL', message);
}

/** What builds left whose processes are gone. */
async function removeUnfinished(parent: string): Promise<void> {
  for (const path of await readdir(parent)) {
    const [, pid] = new RegExp(`^\\${UNFINISHED}(\\d+)-`).exec(basename(path)) ?? [];
    if (pid !== undefined && !isProcessAlive(Number(pid)))
      await rm(join(parent, path), { recursive: true, force: true });
  }
}
