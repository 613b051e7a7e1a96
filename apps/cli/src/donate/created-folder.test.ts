import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFolder } from './created-folder.ts';

function temporaryFolder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'shoal-created-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('close removes the folders that were created, and keeps those that existed', async (t) => {
  const root = temporaryFolder(t);
  const folder = await createFolder(join(root, 'cache', 'donate'));
  assert.ok(existsSync(folder.path));
  await folder.close();
  assert.deepEqual(readdirSync(root), []);
  mkdirSync(join(root, 'own'));
  await (await createFolder(join(root, 'own'))).close();
  assert.deepEqual(readdirSync(root), ['own']);
});

test('close keeps a folder that contains other files', async (t) => {
  const root = temporaryFolder(t);
  const folder = await createFolder(join(root, 'cache', 'donate'));
  writeFileSync(join(root, 'cache', 'measured.json'), '{}');
  await folder.close();
  assert.deepEqual(readdirSync(join(root, 'cache')), ['measured.json']);
});

test('a folder that cannot be created is a usage error', async (t) => {
  const file = join(temporaryFolder(t), 'file');
  writeFileSync(file, '');
  await assert.rejects(createFolder(join(file, 'in')), { exitCode: 2, message: /in cannot be made \(ENOTDIR\)/ });
});
