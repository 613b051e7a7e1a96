import { existsSync } from 'node:fs';
import { cp, glob, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { findProgram, runProgram } from './program.ts';
import { type Manifest, type Package, ROOT, type Target } from './workspace.ts';

/** The packages' code runs on this Node. The command line's launcher starts on the older one and brings its own. */
const NODE = '>=24';
const LAUNCHER_NODE = '>=18';
/** Entry points that only this repository's tests import. */
const TEST_ENTRY = /\/testing\//;
/** Files that a package reads at run time, by package. `findDemoModel` looks for the model at this path. */
const ASSETS: Readonly<Record<string, readonly string[]>> = { '@shoal/host': ['models/demo/shoal-demo.gguf'] };

/** Writes a folder per package with what is published. Returns the folders in the same order. */
export async function stage(packages: readonly Package[], built: string, folder: string): Promise<readonly string[]> {
  const staged: string[] = [];
  for (const { path, manifest } of packages) {
    const target = join(folder, path);
    await mkdir(target, { recursive: true });
    await cp(join(built, path, 'src'), join(target, 'dist'), { recursive: true });
    await addDeclarations(join(ROOT, path, 'src'), join(target, 'dist'));
    await copy([...(manifest.bin === undefined ? [] : ['bin']), 'README.md'], join(ROOT, path), target);
    await copy(['LICENSE', ...(ASSETS[manifest.name] ?? [])], ROOT, target);
    await writeFile(join(target, 'package.json'), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`);
    staged.push(target);
  }
  return staged;
}

/**
 * Copies hand-written declarations of other packages' modules, which the compiler does not emit, and refers to them where these
 * modules are imported.
 */
async function addDeclarations(source: string, dist: string): Promise<void> {
  for await (const file of glob('**/*.d.ts', { cwd: source })) {
    await cp(join(source, file), join(dist, file));
    const text = await readFile(join(source, file), 'utf8');
    const modules = [...text.matchAll(/^declare module '(.+)'/gm)].map(([, name]) => name);
    for await (const emitted of glob('**/*.d.ts', { cwd: dist })) {
      const content = await readFile(join(dist, emitted), 'utf8');
      if (emitted === file || !modules.some((name) => content.includes(`from '${name}'`))) continue;
      const path = relative(dirname(emitted), file);
      await writeFile(join(dist, emitted), `/// <reference path="${path}" />\n${content}`);
    }
  }
}

async function copy(files: readonly string[], from: string, to: string): Promise<void> {
  for (const file of files) {
    if (!existsSync(join(from, file))) throw new Error(`${join(from, file)} is missing.`);
    await cp(join(from, file), join(to, file), { recursive: true });
  }
}

/** Returns the manifest with compiled files in the place of sources. */
function publishedManifest(manifest: Manifest): object {
  const { bin, imports, exports } = manifest;
  const kept = Object.entries(manifest).filter(([field]) => field !== 'devDependencies');
  return {
    ...Object.fromEntries(kept),
    engines: { node: bin === undefined ? NODE : LAUNCHER_NODE },
    ...(imports === undefined ? {} : { imports: compiledTargets(imports) }),
    ...(exports === undefined ? {} : { exports: compiledTargets(exports) }),
  };
}

function compiledTargets(targets: Readonly<Record<string, Target>>): object {
  const entries = Object.entries(targets).filter(
    ([, target]) => typeof target !== 'string' || !TEST_ENTRY.test(target),
  );
  return Object.fromEntries(entries.map(([name, target]) => [name, compiledTarget(target)]));
}

function compiledTarget(target: Target): Target {
  if (typeof target !== 'string') return compiledTargets(target) as Target;
  const compiled = target.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, '');
  return { types: `${compiled}.d.ts`, default: `${compiled}.js` };
}

/** Packs the folders. Returns the archives' paths in the same order. */
export async function pack(staged: readonly string[], folder: string): Promise<readonly string[]> {
  const args = ['pack', '--json', '--silent', '--pack-destination', folder, ...staged];
  const { stdout } = await runProgram(findProgram('npm'), args, { folder });
  const packed = JSON.parse(stdout) as readonly { filename: string }[];
  return packed.map(({ filename }) => join(folder, filename));
}
