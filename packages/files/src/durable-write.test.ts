import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { renameDurably, stageFile, writeDurably, writeJson } from './durable-write.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

test('a file is replaced as a whole, is readable by its owner only, and leaves nothing beside it', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'file');
  await writeDurably(path, 'old');
  await Promise.all([writeDurably(path, 'new'), writeDurably(path, 'new')]);
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('a write that fails is reported and leaves nothing behind', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'logs'));
  await assert.rejects(writeDurably(join(folder, 'logs'), 'x'), { code: 'INTERNAL', message: /logs could not/ });
  assert.deepEqual(readdirSync(folder), ['logs']);
});

test('a staged text replaces the file when it is committed, and leaves nothing if it is discarded', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'file');
  writeFileSync(path, 'old');
  const dropped = await stageFile(path, 'dropped');
  await dropped.discard();
  const staged = await stageFile(path, 'new', 0o640);
  assert.equal(readFileSync(path, 'utf8'), 'old');
  await staged.commit();
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('JSON is written indented, with a line feed at its end', async (t) => {
  const path = join(temporaryFolder(t), 'file.json');
  await writeJson(path, { key: [1] });
  assert.equal(readFileSync(path, 'utf8'), '{\n  "key": [\n    1\n  ]\n}\n');
});

test('a file can be renamed over another', async (t) => {
  const folder = temporaryFolder(t);
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  writeFileSync(from, 'new');
  writeFileSync(to, 'old');
  await renameDurably(from, to);
  assert.deepEqual([readdirSync(folder), readFileSync(to, 'utf8')], [['to'], 'new']);
});
