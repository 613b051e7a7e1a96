import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gpuPackagesFolder } from '@shoal/host/engines/places';
import { gpuPackageName, type PackagedGpu } from '@shoal/host/engines/gpu-package';
import { homeFiles, type Home } from '@shoal/host/home';
import { findLlama } from '@shoal/host/engines/packages';
import { type FailedTrial, tryLlama } from '@shoal/host/engines/trial';
import { ShoalError } from '@shoal/protocol/error';
import { LiveLine } from '../terminal/live-line.ts';
import { duration } from '../terminal/output.ts';
import { checkRoom, replaceFolder } from './build.ts';
import { downloadPackage } from './download-package.ts';
import { type PackageFacts, viewPackage } from './npm.ts';
import { checkKnown } from './package-hashes.ts';

/** Highest ratio of unpacked to packed size. */
const UNPACKED_FACTOR = 4;
const TICK_MS = 1_000;

export interface GpuPlan {
  readonly gpu: PackagedGpu;
  readonly version: string;
  /** The first is complete. The others add binaries. */
  readonly packages: readonly [PackageFacts, ...PackageFacts[]];
  /** Destination of the package. */
  readonly folder: string;
}

/**
 * Returns the packages for a GPU, as the registry describes them. Throws `INVALID_REQUEST` if none exist for this machine or
 * they cannot be checked, and `GENERATION_FAILED` if the registry has others than those that are known.
 */
export async function planGpu(home: Home, gpu: PackagedGpu, signal: AbortSignal): Promise<GpuPlan> {
  const name = gpuPackageName(gpu);
  if (name === undefined) {
    throw ShoalError.invalidRequest(
      process.platform === 'darwin'
        ? 'There is nothing to add on a Mac: Metal comes with every installation.'
        : `There are no binaries for ${gpu} on ${process.platform} ${process.arch}; "shoal engine build --gpu ${gpu}" can compile them.`,
    );
  }
  const { binary } = findLlama();
  if (binary === undefined) {
    throw ShoalError.invalidRequest('llama.cpp is not installed, and the GPU binaries need it. Run npm install.');
  }
  const { version } = binary;
  const view = (each: string): Promise<PackageFacts> => viewPackage(`${each}@${version}`, process.cwd(), signal);
  const main = view(name);
  // The code for older CUDA cards is in a separate package.
  const more = gpu === 'cuda' ? [view(`${name}-ext`)] : [];
  const packages = [await main, ...(await Promise.all(more))] as const;
  for (const facts of packages) checkKnown(facts);
  return { gpu, version, packages, folder: join(gpuPackagesFolder(home, version), name) };
}

/** Returns bytes to download and bytes on disk; undefined if the registry does not report them. */
export function sizesOf({ packages }: GpuPlan): {
  readonly download: number | undefined;
  readonly disk: number | undefined;
} {
  return {
    download: sum(packages.map(({ downloadBytes }) => downloadBytes)),
    disk: sum(packages.map(({ unpackedBytes }) => unpackedBytes)),
  };
}

/**
 * Downloads the packages, checks their SHA-512, makes the engine answer with them, and renames the complete folder to
 * its destination. Throws `STORAGE_FULL` before it begins, and `GENERATION_FAILED`, with what is missing, if they do not work.
 */
export async function installGpu(home: Home, plan: GpuPlan, signal: AbortSignal): Promise<void> {
  const { engines } = homeFiles(home);
  const { download = 0, disk = download * UNPACKED_FACTOR } = sizesOf(plan);
  await checkRoom(engines, download + disk);
  await mkdir(engines, { recursive: true, mode: 0o700 });
  const work = await mkdtemp(join(engines, '.adding-'));
  const line = new LiveLine(process.stderr);
  try {
    const made = join(work, 'made');
    for (const facts of plan.packages) await unpack(facts, made, work, line, signal);
    line.show(`Trying ${plan.gpu} with the demo model …`);
    const trial = await tryLlama({ gpu: plan.gpu, folder: made });
    signal.throwIfAborted();
    line.clear();
    if (!trial.works) throw notWorking(plan.gpu, trial);
    await mkdir(dirname(plan.folder), { recursive: true, mode: 0o700 });
    await replaceFolder(plan.folder, made, work);
  } finally {
    line.clear();
    await rm(work, { recursive: true, force: true });
  }
}

function notWorking(gpu: PackagedGpu, { why, remedy }: FailedTrial): ShoalError {
  const advice = remedy === undefined ? '' : ` Then try again: ${remedy}`;
  return ShoalError.generationFailed(`The binaries for ${gpu} do not work here and were not added: ${why}.${advice}`);
}

async function unpack(
  facts: PackageFacts,
  made: string,
  work: string,
  line: LiveLine,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now();
  const show = (): void => {
    const seconds = Math.floor((performance.now() - startedAt) / 1_000);
    line.show(`Downloading ${facts.specifier} …${seconds === 0 ? '' : ` ${duration(seconds)}`}`);
  };
  show();
  const timer = process.stderr.isTTY ? setInterval(show, TICK_MS) : undefined;
  try {
    const folder = join(work, 'unpacked');
    await downloadPackage(facts, folder, signal);
    // Keeps the package.json of the first package, and adds the binaries of the others.
    await cp(folder, made, { recursive: true, force: false });
    await rm(folder, { recursive: true });
  } finally {
    clearInterval(timer);
  }
}

function sum(numbers: readonly (number | undefined)[]): number | undefined {
  let total = 0;
  for (const number of numbers) {
    if (number === undefined) return undefined;
    total += number;
  }
  return total;
}
