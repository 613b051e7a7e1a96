import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERSION } from '@shoal/network';

export const ROOT = join(import.meta.dirname, '../..');
const PARENTS = ['packages', 'apps'];

/** A target of `exports` or `imports`: a file, or one for each condition. */
export type Target = string | { readonly [condition: string]: Target };

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean | undefined;
  readonly bin?: Readonly<Record<string, string>> | undefined;
  readonly imports?: Readonly<Record<string, Target>> | undefined;
  readonly exports?: Readonly<Record<string, Target>> | undefined;
  readonly dependencies?: Readonly<Record<string, string>> | undefined;
}

export interface Package {
  /** Relative to the root, such as `packages/protocol`. */
  readonly path: string;
  readonly manifest: Manifest;
}

/** Returns the packages that are published, each after those that it depends on. */
export async function readWorkspace(): Promise<readonly Package[]> {
  const paths = await Promise.all(
    PARENTS.map(async (parent) => (await readdir(join(ROOT, parent))).map((name) => join(parent, name))),
  );
  const all = await Promise.all(
    paths.flat().map(async (path) => ({ path, manifest: await readManifest(join(ROOT, path)) })),
  );
  return inOrder(all.filter(({ manifest }) => manifest.private !== true));
}

async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function inOrder(packages: readonly Package[]): readonly Package[] {
  const ordered: Package[] = [];
  let waiting = packages;
  while (waiting.length > 0) {
    const names = new Set(waiting.map(({ manifest }) => manifest.name));
    const isReady = ({ manifest }: Package): boolean =>
      Object.keys(manifest.dependencies ?? {}).every((name) => !names.has(name));
    const ready = waiting.filter(isReady);
    if (ready.length === 0) throw new Error(`These packages depend on each other: ${[...names].join(', ')}`);
    ordered.push(...ready);
    waiting = waiting.filter((each) => !ready.includes(each));
  }
  return ordered;
}

/** Returns the version of all packages. Throws if a package, a dependency or the hello of shoal/1 has another one. */
export async function checkVersions(packages: readonly Package[]): Promise<string> {
  const names = new Set(packages.map(({ manifest }) => manifest.name));
  const found = packages.flatMap(({ path, manifest }) => [
    { place: `${path}/package.json`, version: manifest.version },
    ...Object.entries(manifest.dependencies ?? {})
      .filter(([name]) => names.has(name))
      .map(([name, version]) => ({ place: `${path}/package.json, dependency ${name}`, version })),
  ]);
  const root = await readManifest(ROOT);
  found.push({ place: 'package.json', version: root.version });
  const wrong = found
    .filter(({ version }) => version !== VERSION)
    .map(({ place, version }) => `  ${place}: ${version}`);
  if (wrong.length > 0) throw new Error([`VERSION of @shoal/network is ${VERSION}, but:`, ...wrong].join('\n'));
  const changelog = await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8');
  if (!changelog.includes(`## [${VERSION}]`)) throw new Error(`CHANGELOG.md has no section for ${VERSION}.`);
  return VERSION;
}
