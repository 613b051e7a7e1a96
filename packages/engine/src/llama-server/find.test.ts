import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findLlamaServer } from './find.ts';

const skip = process.platform === 'win32' ? 'llama-server is not used on Windows' : false;

test('the configured program comes first, then an own build, then the one in PATH', { skip }, (context) => {
  const root = mkdtempSync(join(tmpdir(), 'shoal-find-'));
  context.after(() => rmSync(root, { recursive: true }));
  const [build, other] = [join(root, 'build'), join(root, 'other')];
  for (const folder of [build, other]) {
    mkdirSync(folder);
    writeFileSync(join(folder, 'llama-server'), '', { mode: 0o700 });
  }
  const configured = join(other, 'llama-server');
  assert.deepEqual(findLlamaServer({ configured, folders: [build] }), { path: configured, by: 'configuration' });
  const own = { path: join(build, 'llama-server'), by: 'home' };
  assert.deepEqual(findLlamaServer({ folders: [join(root, 'nowhere'), build], path: other }), own);
  assert.deepEqual(findLlamaServer({ folders: [], path: `.:${other}` }), { path: configured, by: 'PATH' });
});

test('an invalid configured program is not replaced by another', { skip }, (context) => {
  const root = mkdtempSync(join(tmpdir(), 'shoal-find-'));
  context.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'llama-server'), '', { mode: 0o600 });
  assert.equal(findLlamaServer({ configured: join(root, 'nowhere'), folders: [], path: root }), undefined);
  assert.equal(findLlamaServer({ folders: [root] }), undefined);
});
