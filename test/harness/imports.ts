import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

const SOURCES = '{packages,apps}/*/{src,test}/**/*.ts';
/** `import … from 'x'`, `export … from 'x'` and `import 'x'`, which begin a line; `import('x')`, which stands anywhere. */
const IMPORTS = [/^(?:import|export)\b[^;'"`]*\bfrom '([^']+)'/gm, /^import '([^']+)'/gm, /\bimport\('([^']+)'\)/g];

/** A file, or a file for each condition, such as `browser`. */
type Target = string | Readonly<Record<string, string>>;

export interface Manifest {
  readonly name: string;
  readonly imports?: Readonly<Record<string, Target>>;
  readonly exports?: Readonly<Record<string, Target>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Package {
  /** The folder, relative to the repository. */
  readonly folder: string;
  readonly manifest: Manifest;
}

export interface SourceFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly package: Package;
  /** Module specifiers, of type imports too. */
  readonly imports: readonly string[];
}

/** All packages and apps. */
export function readPackages(): readonly Package[] {
  return globSync('{packages,apps}/*/package.json', { cwd: ROOT })
    .toSorted()
    .map((path) => ({ folder: dirname(path), manifest: JSON.parse(readFileSync(join(ROOT, path), 'utf8')) }));
}

/** All files of packages and apps, tests included. */
export function readSources(packages: readonly Package[]): readonly SourceFile[] {
  return globSync(SOURCES, { cwd: ROOT })
    .toSorted()
    .flatMap((path) => {
      const owner = packages.find(({ folder }) => path.startsWith(`${folder}/`));
      if (owner === undefined) return [];
      const text = readFileSync(join(ROOT, path), 'utf8');
      const imports = IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)].map(([, specifier = '']) => specifier));
      return [{ path, package: owner, imports: [...new Set(imports)] }];
    });
}

/** The name of the package that a specifier belongs to; undefined for files of the same package and Node's own modules. */
export function packageOf(specifier: string): string | undefined {
  if (/^(?:\.|#|node:)/.test(specifier)) return undefined;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Maps each file to the files of this repository that it imports. Throws if an import leads to no file. */
export function importGraph(
  packages: readonly Package[],
  sources: readonly SourceFile[],
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    sources.map((source) => [source.path, source.imports.flatMap((one) => targetsOf(packages, source, one))]),
  );
}

function targetsOf(packages: readonly Package[], source: SourceFile, specifier: string): readonly string[] {
  const targets = resolve(packages, source, specifier);
  const missing = targets.find((target) => !existsSync(join(ROOT, target)));
  if (missing !== undefined) throw new Error(`${source.path} imports ${specifier}, but there is no ${missing}.`);
  return targets;
}

function resolve(packages: readonly Package[], source: SourceFile, specifier: string): readonly string[] {
  if (specifier.startsWith('.')) return [join(dirname(source.path), specifier)];
  if (specifier.startsWith('#')) return filesOf(source.package, source.package.manifest.imports?.[specifier]);
  const name = packageOf(specifier);
  const owner = packages.find(({ manifest }) => manifest.name === name);
  if (name === undefined || owner === undefined) return [];
  return filesOf(owner, owner.manifest.exports?.[`.${specifier.slice(name.length)}`]);
}

/** Every condition counts. */
function filesOf({ folder }: Package, target: Target = 'nothing'): readonly string[] {
  const files = typeof target === 'string' ? [target] : Object.values(target);
  return files.map((file) => join(folder, file));
}

/** Groups of files that reach each other by imports: the strongly connected components of more than one file (Tarjan). */
export function circles(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const visit = (node: string): number => {
    const own = order.size;
    order.set(node, own);
    open.push(node);
    let low = own;
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (open.includes(next)) low = Math.min(low, lowest.get(next) ?? order.get(next) ?? low);
    }
    lowest.set(node, low);
    if (low === own) {
      const group = open.splice(open.indexOf(node));
      if (group.length > 1 || graph.get(node)?.includes(node) === true) found.push(group.toSorted());
    }
    return low;
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}
