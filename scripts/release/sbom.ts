import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '@shoal/protocol/json';
import { findProgram, runProgram } from './program.ts';
import { type Package, ROOT } from './workspace.ts';

/**
 * Writes the bill of materials of a release, in CycloneDX: our packages, and those that package-lock.json installs with them.
 * Returns its path. Throws if one of our packages is missing.
 */
export async function writeBillOfMaterials(
  packages: readonly Package[],
  version: string,
  folder: string,
): Promise<string> {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', '--omit', 'dev'];
  const { stdout } = await runProgram(findProgram('npm'), args, { folder: ROOT });
  const bill: unknown = JSON.parse(stdout);
  const components: readonly unknown[] = isObject(bill) && Array.isArray(bill['components']) ? bill['components'] : [];
  const listed = new Set(components.map((component) => (isObject(component) ? component['bom-ref'] : undefined)));
  const missing = packages.map(({ manifest }) => `${manifest.name}@${version}`).filter((id) => !listed.has(id));
  if (!isObject(bill) || missing.length > 0) throw new Error(`npm's bill of materials lacks ${missing.join(', ')}.`);
  // npm names it after the folder of the checkout.
  const metadata = isObject(bill['metadata']) ? bill['metadata'] : {};
  const component = isObject(metadata['component']) ? metadata['component'] : {};
  const named = { ...bill, metadata: { ...metadata, component: { ...component, name: 'shoal' } } };
  const path = join(folder, `shoal-${version}.cdx.json`);
  await writeFile(path, `${JSON.stringify(named, null, 2)}\n`);
  console.log(`SBOM: ${components.length} components in ${path}`);
  return path;
}
