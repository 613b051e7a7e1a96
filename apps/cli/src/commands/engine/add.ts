import { createInterface } from 'node:readline/promises';
import { installedGpuPackages, type PackagedGpu } from '@shoal/host/engines/gpu-package';
import { prepareHome } from '@shoal/host/home';
import { CliError, EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { type GpuPlan, installGpu, planGpu, sizesOf } from '../../engine/gpu-install.ts';
import { interruptible } from '../../models/interruptible.ts';
import { print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

export interface EngineAddFlags {
  /** Do not ask. */
  readonly yes?: boolean | undefined;
}

/** `shoal engine add`: the GPU binaries of the engine llama, from npm's registry. Says first how much that is, and asks. */
export async function addEngine(context: Context, gpu: PackagedGpu, { yes = false }: EngineAddFlags): Promise<number> {
  const known = installedGpuPackages(context.home).find((one) => one.gpu === gpu);
  if (known !== undefined) {
    print(context, { ...known, added: false }, [`The binaries for ${gpu} are here already: ${known.folder}`]);
    return EXIT.ok;
  }
  const isPerson = process.stdin.isTTY && process.stderr.isTTY && !context.json;
  if (!yes && !isPerson)
    throw CliError.usage('This downloads from npm’s registry: say --yes where nobody can be asked.');
  const plan = await interruptible(async (signal) => {
    const found = await planGpu(context.home, gpu, signal);
    process.stderr.write(`${describe(found)}\n`);
    if (!yes && !(await agrees(signal))) return undefined;
    prepareHome(context.home);
    await installGpu(context.home, found, signal);
    return found;
  });
  if (plan === undefined) {
    print(context, { gpu, added: false }, ['Nothing was brought.']);
    return EXIT.ok;
  }
  const { folder, version } = plan;
  print(context, { gpu, folder, version, added: true }, [
    `Added ${gpu} for the engine llama: ${folder}`,
    'A node uses it from its next start on: shoal restart',
  ]);
  return EXIT.ok;
}

function describe(plan: GpuPlan): string {
  const { download, disk } = sizesOf(plan);
  const sizes = [
    download === undefined ? 'a download whose size the registry does not tell' : `${size(download)} to download`,
    ...(disk === undefined ? [] : [`${size(disk)} of disk`]),
  ];
  return `${plan.packages.map(({ specifier }) => specifier).join(' and ')}: ${sizes.join(', ')}.`;
}

async function agrees(signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question('Bring it? [y/N] ', { signal })).trim());
  } finally {
    terminal.close();
  }
}
