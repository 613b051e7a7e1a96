import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { missingLibraries, missingLibrary, remedyFor } from './missing-libraries.ts';
import { findLlama } from './packages.ts';
import { tryLlama } from './trial.ts';

const installed = findLlama().binary;
const skip = installed === undefined ? 'llama.cpp is not installed for this processor' : false;

test('the installed libraries answer a message on the processor', { skip }, async () => {
  const isOffline = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
  assert.deepEqual(await tryLlama(), { works: true, device: 'cpu', isOffline });
});

test('a package that computes on the processor is not one that works for a GPU', { skip }, async () => {
  const trial = await tryLlama({ gpu: 'vulkan', folder: installed?.folder ?? '' });
  assert.ok(!trial.works);
  assert.match(trial.why, /no card was found for vulkan, and the answer was computed on cpu/);
});

test(
  'chats are rendered with the installed library, also if that of a GPU package cannot be loaded',
  { skip },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-trial-'));
    t.after(() => rm(folder, { recursive: true }));
    await cp(join(installed?.folder ?? '', 'bins'), join(folder, 'bins'), { recursive: true });
    const [only = ''] = await readdir(join(folder, 'bins'));
    await writeFile(join(folder, 'bins', only, 'llama-addon.node'), 'no library');
    const trial = await tryLlama({ gpu: 'cuda', folder });
    assert.ok(!trial.works);
    assert.match(trial.why, /no card was found for cuda, and the answer was computed on cpu/);
  },
);

test('the installed libraries lack nothing', { skip }, async () => {
  assert.deepEqual(await missingLibraries(installed?.folder ?? ''), []);
});

test('a missing library is read from the errors of glibc and musl', () => {
  const glibc = 'libvulkan.so.1: cannot open shared object file: No such file or directory';
  const musl = 'Error loading shared library libvulkan.so.1: No such file or directory (needed by /x/llama-addon.node)';
  assert.deepEqual([glibc, musl].map(missingLibrary), ['libvulkan.so.1', 'libvulkan.so.1']);
  assert.equal(missingLibrary('Module did not self-register: /x/libggml-vulkan.so'), undefined);
});

test('a missing library is known by its package', () => {
  assert.match(remedyFor('libvulkan.so.1') ?? '', /libvulkan1/);
  assert.match(remedyFor('libcudart.so.13') ?? '', /CUDA runtime/);
  assert.equal(remedyFor('libother.so.1'), undefined);
});
