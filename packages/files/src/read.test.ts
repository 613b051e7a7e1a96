import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readJson, readSecret, writeFileAtomically } from './read.ts';
import { temporaryHome } from '@shoal/host/testing/temporary-home';

test('a file is replaced as a whole, is its owner’s alone, and leaves nothing beside it', async (t) => {
  const { data } = temporaryHome(t);
  const path = join(data, 'file');
  await writeFileAtomically(path, 'old');
  await Promise.all([writeFileAtomically(path, 'new'), writeFileAtomically(path, 'new')]);
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(data).sort(), ['file', 'logs']);
});

test('a write that fails says so and leaves nothing behind', async (t) => {
  const { data } = temporaryHome(t);
  await assert.rejects(writeFileAtomically(join(data, 'logs'), 'x'), { code: 'INTERNAL', message: /logs could not/ });
  assert.deepEqual(readdirSync(data), ['logs']);
});

test('a secret that others may read is refused, with the command that mends it', async (t) => {
  const path = join(temporaryHome(t).data, 'secret');
  assert.equal(await readSecret(path), undefined);
  await writeFileAtomically(path, 'secret');
  assert.equal(await readSecret(path), 'secret');
  chmodSync(path, 0o640);
  await assert.rejects(readSecret(path), { code: 'UNAUTHORIZED', message: /chmod 600/ });
});

test('there is no file below a file', async (t) => {
  const path = join(temporaryHome(t).data, 'file');
  await writeFileAtomically(path, '');
  assert.equal(await readJson(join(path, 'file.json')), undefined);
});

test('broken JSON is refused by the name of its file', async (t) => {
  const path = join(temporaryHome(t).data, 'file.json');
  await writeFileAtomically(path, '{"half":');
  await assert.rejects(readJson(path), { code: 'INVALID_REQUEST', message: /file\.json is not valid JSON/ });
});
