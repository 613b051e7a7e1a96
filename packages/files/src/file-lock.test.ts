import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockFile } from './file-lock.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

const MODULE = new URL('file-lock.ts', import.meta.url).href;

test('a file has one lock at a time, and stays empty', (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const lock = lockFile(path);
  assert.ok(lock !== undefined);
  assert.equal(lockFile(path), undefined);
  lock.release();
  const next = lockFile(path);
  assert.ok(next !== undefined);
  next.release();
  assert.equal(statSync(path).size, 0);
});

test('a lock ends with its process, even one that is killed', async (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const script = `import { lockFile } from ${JSON.stringify(MODULE)};
    globalThis.lock = lockFile(${JSON.stringify(path)});
    console.log('locked');
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  assert.equal(lockFile(path), undefined);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  const lock = lockFile(path);
  assert.ok(lock !== undefined);
  lock.release();
});

test('a lock in a folder that does not exist is an error', (t) => {
  assert.throws(() => lockFile(join(temporaryFolder(t), 'none', 'lock')));
});

test('no other module of the package loads SQLite', async () => {
  const modules = globSync('*.ts', { cwd: import.meta.dirname, exclude: ['*.test.ts', 'file-lock.ts'] });
  assert.ok(modules.length > 0);
  const script = modules.map((name) => `import ${JSON.stringify(new URL(name, import.meta.url).href)};`).join('\n');
  const options = ['--no-experimental-sqlite', '--input-type=module', '-e', script];
  const [code] = await once(spawn(process.execPath, options, { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit');
  assert.equal(code, 0);
});
