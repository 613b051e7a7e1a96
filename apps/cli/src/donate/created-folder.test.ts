import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openPassingFolder } from './created-folder.ts';

function temporaryFolder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'shoal-passing-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('what had to be made of a path is gone again, and what was there stays', async (t) => {
  const root = temporaryFolder(t);
  const folder = await openPassingFolder(join(root, 'cache', 'donate'));
  assert.ok(existsSync(folder.path));
  await folder.close();
  assert.deepEqual(readdirSync(root), []);
  mkdirSync(join(root, 'own'));
  await (await openPassingFolder(join(root, 'own'))).close();
  assert.deepEqual(readdirSync(root), ['own']);
});

test('a folder that somebody uses meanwhile stays', async (t) => {
  const root = temporaryFolder(t);
  const folder = await openPassingFolder(join(root, 'cache', 'donate'));
  writeFileSync(join(root, 'cache', 'measured.json'), '{}');
  await folder.close();
  assert.deepEqual(readdirSync(join(root, 'cache')), ['measured.json']);
});

test('one that cannot be made is wrong usage', async (t) => {
  const file = join(temporaryFolder(t), 'file');
  writeFileSync(file, '');
  await assert.rejects(openPassingFolder(join(file, 'in')), { exitCode: 2, message: /in cannot be made \(ENOTDIR\)/ });
});
