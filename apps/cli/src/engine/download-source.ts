import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LlamaCppSource } from '@shoal/host/engines/places';
import type { BuildLine } from './build-progress.ts';
import { downloadPackage } from './download-package.ts';
import { viewPackage } from './npm.ts';

/** The path of the source, a git bundle, in its package. */
const BUNDLE_IN_PACKAGE = 'llama/gitRelease.bundle';

/**
 * Downloads the source of llama.cpp from the registry that npm uses, unless it is in the home already. Throws
 * `GENERATION_FAILED` if the registry cannot be reached or the archive is damaged.
 */
export async function downloadSource(source: LlamaCppSource, line: BuildLine, signal: AbortSignal): Promise<void> {
  const { bundle, release, specifier } = source;
  if (existsSync(bundle)) return;
  line.step(`Downloading llama.cpp ${release} (${specifier})`);
  const cache = dirname(bundle);
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const work = await mkdtemp(join(cache, `.${basename(bundle)}-`));
  try {
    const folder = join(work, 'package');
    await downloadPackage(await viewPackage(specifier, work, signal), folder, signal);
    await rename(join(folder, BUNDLE_IN_PACKAGE), bundle);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
