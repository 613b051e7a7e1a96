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
import { existingFolder } from '@shoal/files/make-folder';
import { ShoalError } from '@shoal/protocol/error';
import { size } from '../terminal/transfer-progress.ts';
import type { BuildLine } from './build-progress.ts';
import { compilerEnvironment } from './compiler-flags.ts';
import { runProgram } from './run-program.ts';
import type { Toolchain } from './toolchain.ts';
import { tryBuild } from './try-build.ts';

/** Disk space for source, objects and programs. GPU code needs several times as much. */
const BUILD_BYTES = 1024 ** 3;
const GPU_BUILD_BYTES = 4 * 1024 ** 3;
/** Memory limit of one compiler process. More processes than fit would swap. */
const COMPILER_BYTES = 1.5 * 1024 ** 3;
const PROGRAMS = ['llama-server', 'ggml-rpc-server', 'llama-bench', 'llama-quantize'] as const;
/** Prefix of the folder of an unfinished build. The process id follows. */
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
  /** Destination of the programs. An older build there is replaced at the end. */
  readonly folder: string;
  readonly gpu: GpuBackend;
  readonly toolchain: Toolchain;
  readonly line: BuildLine;
  readonly signal: AbortSignal;
}

/**
 * Compiles llama.cpp's programs for this machine in a folder beside the destination, and renames it at the end. Always removes
 * its own work folder, and those of killed builds. Throws `STORAGE_FULL` before it begins, and `GENERATION_FAILED` with the last
 * output of the failed program, or if the built llama-server cannot run a model.
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
    await collect(objects, made);
    options.line.step('Trying it with small models');
    const description = {
      release: options.source.release,
      gpu,
      processor: processorKey(),
      builtAt: new Date().toISOString(),
      tried: await tryBuild(join(made, 'llama-server'), work, signal),
    };
    await writeFile(join(made, BUILD_DESCRIPTION), `${JSON.stringify(description, undefined, 2)}\n`);
    await replaceFolder(folder, made, work);
    return description;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compile(options: BuildOptions, tree: string, objects: string): Promise<void> {
  const { source, gpu, toolchain, line, signal } = options;
  const { git, cmake, hasNinja } = toolchain;
  line.step(`Extracting llama.cpp ${source.release}`);
  await runProgram(git, ['clone', '--quiet', source.bundle, tree], { signal });
  line.step('Configuring the build');
  const settings = Object.entries({ ...SETTINGS, ...GPU_SETTINGS[gpu] }).map(([name, value]) => `-D${name}=${value}`);
  const generator = hasNinja ? ['-G', 'Ninja'] : [];
  const environment = await compilerEnvironment(toolchain, signal);
  await runProgram(cmake, ['-S', tree, '-B', objects, ...generator, ...settings], { signal, environment });
  const args = ['--build', objects, '--config', 'Release', '--parallel', String(compilers())];
  line.step('Compiling');
  await runProgram(cmake, [...args, '--target', ...PROGRAMS], { signal, onLine: (text) => line.readOutput(text) });
}

/** Returns the number of compiler processes that processors and memory allow. */
function compilers(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / COMPILER_BYTES)));
}

/** Copies the programs into `made`. */
async function collect(objects: string, made: string): Promise<void> {
  await mkdir(made, { mode: 0o700 });
  for (const program of PROGRAMS) await copyFile(join(objects, 'bin', program), join(made, program));
}

/** Replaces a folder. Moves the old one into `aside` first, because a rename cannot replace a folder that is not empty. */
export async function replaceFolder(folder: string, replacement: string, aside: string): Promise<void> {
  try {
    await rename(folder, join(aside, 'old'));
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  await rename(replacement, folder);
}

/** Throws `STORAGE_FULL` if the disk has less free space. */
export async function checkRoom(folder: string, bytes: number): Promise<void> {
  const place = existingFolder(folder);
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const message = `This needs ${size(bytes)} of free disk space, and ${place} has ${size(free)}. Free some space, or set SHOAL_HOME to another disk.`;
  throw new ShoalError('STORAGE_FULL', message);
}

/** Removes the work folders of builds whose processes have ended. */
async function removeUnfinished(parent: string): Promise<void> {
  for (const path of await readdir(parent)) {
    const [, pid] = new RegExp(`^\\${UNFINISHED}(\\d+)-`).exec(basename(path)) ?? [];
    if (pid !== undefined && !isProcessAlive(Number(pid)))
      await rm(join(parent, path), { recursive: true, force: true });
  }
}
