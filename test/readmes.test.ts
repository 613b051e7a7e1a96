import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '..');
const EXAMPLE = /^```ts\n(.*?)^```$/gms;

test('the examples in the READMEs of packages and apps compile', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-readmes-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const parent of ['packages', 'apps']) {
    for (const name of await readdir(join(ROOT, parent))) {
      const text = await readFile(join(ROOT, parent, name, 'README.md'), 'utf8');
      const [example] = [...text.matchAll(EXAMPLE)].map(([, code = '']) => code);
      assert.ok(example !== undefined || text.includes('```sh\n'), `${parent}/${name}/README.md has no example`);
      if (example !== undefined) await writeFile(join(folder, `${name}.mts`), example);
    }
  }
  const declarations = join(ROOT, 'packages/*/src/**/*.d.ts');
  const configuration = { extends: join(ROOT, 'tsconfig.json'), include: ['*.mts', declarations] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(configuration));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [compiler, '-p', folder]).catch(
    (error: { readonly stdout: string }) => error,
  );
  assert.equal(stdout, '');
});
