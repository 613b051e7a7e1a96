import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readJson, readSecret } from './read.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

test('a secret that others may read is refused, with the command that fixes it', async (t) => {
  const path = join(temporaryFolder(t), 'secret');
  assert.equal(await readSecret(path), undefined);
  writeFileSync(path, 'secret', { mode: 0o600 });
  assert.equal(await readSecret(path), 'secret');
  chmodSync(path, 0o640);
  await assert.rejects(readSecret(path), { code: 'UNAUTHORIZED', message: /chmod 600/ });
});

test('a path below a file reads as a missing file', async (t) => {
  const path = join(temporaryFolder(t), 'file');
  writeFileSync(path, '');
  assert.equal(await readJson(join(path, 'file.json')), undefined);
});

test('broken JSON is refused, with the name of its file', async (t) => {
  const path = join(temporaryFolder(t), 'file.json');
  writeFileSync(path, '{"half":');
  await assert.rejects(readJson(path), { code: 'INVALID_REQUEST', message: /file\.json is not valid JSON/ });
});
