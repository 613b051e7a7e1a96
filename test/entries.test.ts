import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'shoal-tools');
/** The entries that run in Node, in Bare and in browsers. */
const ENTRIES = ['@shoal/network', '@shoal/client'] as const;
const LISTENER = 'packages/network/src/door.ts';
/** Their native add-ons need one build for each version of Bare, so the bundles for Bare contain a stub instead. */
const NATIVE_PACKAGES = ['hyperdht', 'hyperswarm'];
const STUB = 'module.exports = new Proxy(class {}, { get: () => class {} });';

type Platform = 'browser' | 'bare';

/** The parts of esbuild's `--metafile` that the tests read. */
interface Metafile {
  readonly inputs: Readonly<Record<string, { readonly imports: readonly { readonly path: string }[] }>>;
}

interface Bundle {
  readonly file: string;
  /** Paths relative to the repository. */
  readonly sources: readonly string[];
  readonly builtins: readonly string[];
}

const esbuild = find('esbuild', [join(CACHE, 'browser/node_modules/.bin')]);
const bare = find('bare', [...(process.env['PATH'] ?? '').split(delimiter), join(CACHE, 'bare/node_modules/.bin')]);
const noEsbuild = esbuild === undefined && 'esbuild is not here: .ci/install-browser-tools';
const noBare = bare === undefined && 'Bare is not here: npm install --prefix ~/.cache/shoal-tools/bare bare@1.31.2';

suite('the entries that browsers and Bare load', { skip: noEsbuild }, () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shoal-entries-'));
    await writeFile(join(folder, 'stub.cjs'), STUB);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  for (const entry of ENTRIES) {
    for (const platform of ['browser', 'bare'] as const) {
      test(`${entry} does not reach the listener or Node in ${platform}`, async () => {
        const { sources, builtins } = await bundle(entry, platform, folder);
        assert.ok(sources.includes('packages/network/src/network.ts'));
        assert.ok(!sources.includes(LISTENER), `${entry} reaches ${LISTENER}`);
        assert.deepEqual(builtins, []);
        assert.deepEqual(
          sources.filter((source) => source.startsWith('node_modules/ws/')),
          [],
        );
      });
    }

    test(`${entry} loads in Bare`, { skip: noBare }, async () => {
      assert.ok(bare !== undefined);
      const { file } = await bundle(entry, 'bare', folder);
      const { stdout } = await run(bare, [file]);
      assert.match(stdout, /^function/);
    });
  }

  for (const platform of ['browser', 'bare'] as const) {
    test(`the listener cannot be resolved in ${platform}`, async () => {
      await assert.rejects(bundle('@shoal/network/door', platform, folder), /Could not resolve/);
    });
  }
});

function find(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Bundles a program that prints the type of an entry's `Network` or `connect`. */
async function bundle(entry: string, platform: Platform, folder: string): Promise<Bundle> {
  assert.ok(esbuild !== undefined);
  const name = `${entry.replaceAll('/', '-')}-${platform}`;
  const program = join(folder, `${name}.js`);
  const [file, meta] = [join(folder, `${name}.mjs`), join(folder, `${name}.json`)];
  await writeFile(program, `import * as entry from '${entry}'; console.log(typeof (entry.Network ?? entry.connect));`);
  const target =
    platform === 'browser'
      ? ['--platform=browser']
      : [
          '--platform=neutral',
          '--conditions=bare',
          '--main-fields=main',
          ...NATIVE_PACKAGES.map((native) => `--alias:${native}=${join(folder, 'stub.cjs')}`),
        ];
  const options = ['--bundle', '--format=esm', `--outfile=${file}`, `--metafile=${meta}`, '--log-level=error'];
  await run(esbuild, [program, ...options, ...target], {
    cwd: ROOT,
    env: { ...process.env, NODE_PATH: join(ROOT, 'node_modules') },
  });
  const { inputs }: Metafile = JSON.parse(await readFile(meta, 'utf8'));
  const imports = Object.values(inputs).flatMap((input) => input.imports.map(({ path }) => path));
  return { file, sources: Object.keys(inputs), builtins: imports.filter((path) => isBuiltin(path)) };
}
