import { rm } from 'node:fs/promises';
import { listBuilds } from '@shoal/host/engines/places';
import { installedGpuPackages, type PackagedGpu } from '@shoal/host/engines/gpu-package';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';

/** An engine of `engine build` or `engine add`. */
export type RemovableEngine = PackagedGpu | 'llama-server';

/** `shoal engine remove`: removes an engine from this home. A running node keeps the code that it has loaded. */
export async function removeEngine(context: Context, what: RemovableEngine): Promise<number> {
  const folders =
    what === 'llama-server'
      ? listBuilds(context.home).map(({ folder }) => folder)
      : installedGpuPackages(context.home)
          .filter(({ gpu }) => gpu === what)
          .map(({ folder }) => folder);
  if (folders.length === 0)
    throw ShoalError.invalidRequest(
      `There is no ${what} in this home to remove; "shoal engine list" shows the engines.`,
    );
  for (const folder of folders) await rm(folder, { recursive: true });
  print(
    context,
    { removed: folders },
    folders.map((folder) => `Removed ${folder}`),
  );
  return EXIT.ok;
}
