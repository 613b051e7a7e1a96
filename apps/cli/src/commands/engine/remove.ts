import { rm } from 'node:fs/promises';
import { listBuilds } from '@shoal/host/engines/places';
import { installedGpuPackages, type PackagedGpu } from '@shoal/host/engines/gpu-package';
import { ShoalError } from '@shoal/protocol';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';

/** What `engine build` or `engine add` made. */
export type RemovableEngine = PackagedGpu | 'llama-server';

/** `shoal engine remove`: what was built or added, off this home. A node that runs it keeps what it has loaded. */
export async function removeEngine(context: Context, what: RemovableEngine): Promise<number> {
  const folders =
    what === 'llama-server'
      ? listBuilds(context.home).map(({ folder }) => folder)
      : installedGpuPackages(context.home)
          .filter(({ gpu }) => gpu === what)
          .map(({ folder }) => folder);
  if (folders.length === 0)
    throw ShoalError.invalidRequest(`There is no ${what} of ours to remove; "shoal engine list" has what there is.`);
  for (const folder of folders) await rm(folder, { recursive: true });
  print(
    context,
    { removed: folders },
    folders.map((folder) => `Removed ${folder}`),
  );
  return EXIT.ok;
}
