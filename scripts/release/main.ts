/**
 * Builds, packs and tries out every package, writes the bill of materials, then publishes the packages:
 *   npm run release -- --dry-run     everything except publishing
 *   npm run release                  publishes to the registry that npm uses
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compile } from './compile.ts';
import { checkReadiness, publish } from './publish.ts';
import { writeBillOfMaterials } from './sbom.ts';
import { pack, stage } from './stage.ts';
import { tryOut } from './try-out.ts';
import { checkVersions, readWorkspace, ROOT } from './workspace.ts';

const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } });
const folder = join(ROOT, '.publish');

try {
  await release(values['dry-run']);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function release(isDryRun: boolean): Promise<void> {
  const packages = await readWorkspace();
  const version = await checkVersions(packages);
  if (!isDryRun) await checkReadiness(version);

  await rm(folder, { recursive: true, force: true });
  console.log(`Building ${packages.length} packages, version ${version}`);
  const built = await compile(folder);
  const staged = await stage(packages, built, folder);
  const archives = await pack(staged, folder);
  const bill = await writeBillOfMaterials(packages, version, folder);
  await tryOut(archives, version);
  if (isDryRun) console.log(`Dry run: nothing was published. The archives are in ${folder}`);
  else {
    await publish(archives);
    console.log(`Add the bill of materials to the release: ${bill}`);
  }
}
