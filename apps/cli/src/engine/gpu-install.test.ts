import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { locateHome } from '@shoal/host/home';
import { temporaryFolder } from '../testing/run-shoal.ts';
import { type GpuPlan, installGpu } from './gpu-install.ts';
import { viewPackage } from './npm.ts';
import { writeFakeNpm } from './testing/fake-npm.ts';

const SPECIFIER = '@node-llama-cpp/linux-x64-vulkan@1.0.0';
const { signal } = new AbortController();

/** Installs a package whose library is not one. Returns the rejection, and what is left in the folder of engines. */
async function install(t: TestContext, change: (plan: GpuPlan) => GpuPlan) {
  const folder = temporaryFolder(t);
  const npm = writeFakeNpm(join(folder, 'npm'), SPECIFIER, { 'bins/linux-x64-vulkan/libllama.so': 'no library' });
  const before = process.env['npm_execpath'];
  process.env['npm_execpath'] = npm;
  t.after(() => {
    if (before === undefined) delete process.env['npm_execpath'];
    else process.env['npm_execpath'] = before;
  });
  const home = locateHome({ SHOAL_HOME: join(folder, 'home') });
  mkdirSync(join(folder, 'home'));
  const facts = await viewPackage(SPECIFIER, folder, signal);
  const plan: GpuPlan = { gpu: 'vulkan', version: '1.0.0', packages: [facts], folder: join(folder, 'made') };
  const failure = await installGpu(home, change(plan), signal).catch((error: unknown) => error);
  assert.ok(failure instanceof Error);
  return { message: failure.message, left: readdirSync(join(folder, 'home/engines')) };
}

suite('a GPU package', { skip: process.platform === 'win32' ? 'the fake npm is a Unix program' : false }, () => {
  test('of another archive than the described one is not unpacked', async (t) => {
    const { message, left } = await install(t, (plan) => {
      const [facts] = plan.packages;
      return { ...plan, packages: [{ ...facts, integrity: 'sha512-AAAA' }] };
    });
    assert.match(message, /is not what the registry describes/);
    assert.deepEqual(left, []);
  });

  test('that does not work is not added, and the reason is told', async (t) => {
    const { message, left } = await install(t, (plan) => plan);
    assert.match(message, /binaries for vulkan do not work here and were not added: .*has no library/);
    assert.deepEqual(left, []);
  });
});
