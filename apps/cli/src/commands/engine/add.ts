import { createInterface } from 'node:readline/promises';
import { type GpuPackage, installedGpuPackages, type PackagedGpu } from '@shoal/host/engines/gpu-package';
import { tryLlama } from '@shoal/host/engines/trial';
import { prepareHome } from '@shoal/host/home';
import { ShoalError } from '@shoal/protocol/error';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { type GpuPlan, installGpu, planGpu, sizesOf } from '../../engine/gpu-install.ts';
import { interruptible } from '../../models/interruptible.ts';
import { print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

export interface EngineAddFlags {
  /** Do not ask for confirmation. */
  readonly yes?: boolean | undefined;
}

/** `shoal engine add`: the GPU binaries of the engine llama, from npm's registry. Shows the size first and asks. */
export async function addEngine(context: Context, gpu: PackagedGpu, { yes = false }: EngineAddFlags): Promise<number> {
  const known = installedGpuPackages(context.home).find((one) => one.gpu === gpu);
  if (known !== undefined) {
    return reportKnown(context, known);
  }
  const isPerson = process.stdin.isTTY && process.stderr.isTTY && !context.json;
  if (!yes && !isPerson) throw CliError.usage('This downloads from npm’s registry: add --yes to confirm it.');
  const plan = await interruptible(async (signal) => {
    const found = await planGpu(context.home, gpu, signal);
    process.stderr.write(`${describe(found)}\n`);
    if (!yes && !(await agrees(signal))) return undefined;
    prepareHome(context.home);
    await installGpu(context.home, found, signal);
    return found;
  });
  if (plan === undefined) {
    print(context, { gpu, added: false }, ['Nothing was downloaded.']);
    return EXIT.ok;
  }
  const { folder, version } = plan;
  print(context, { gpu, folder, version, added: true }, [
    `Added ${gpu} for the engine llama, which answered with it: ${folder}`,
    'A node uses it after its next start: shoal restart',
  ]);
  return EXIT.ok;
}

/** Binaries that worked when they were added may have lost what they need. */
async function reportKnown(context: Context, known: GpuPackage): Promise<number> {
  const trial = await tryLlama(known);
  const { gpu, folder } = known;
  if (!trial.works) {
    const remedy = trial.remedy ?? `shoal engine remove ${gpu}`;
    throw ShoalError.generationFailed(
      `The binaries for ${gpu} are here already, and do not work: ${trial.why}. To do: ${remedy}`,
    );
  }
  print(context, { ...known, added: false }, [`The binaries for ${gpu} are here already, and work: ${folder}`]);
  return EXIT.ok;
}

function describe(plan: GpuPlan): string {
  const { download, disk } = sizesOf(plan);
  const sizes = [
    download === undefined ? 'a download of unknown size' : `${size(download)} to download`,
    ...(disk === undefined ? [] : [`${size(disk)} of disk`]),
  ];
  return `${plan.packages.map(({ specifier }) => specifier).join(' and ')}: ${sizes.join(', ')}.`;
}

async function agrees(signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question('Download it? [y/N] ', { signal })).trim());
  } finally {
    terminal.close();
  }
}
