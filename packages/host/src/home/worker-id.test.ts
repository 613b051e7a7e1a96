import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { acquireWorkerId } from './worker-id.ts';

test('an id of 64 hex digits is created once and kept, and only its owner can read it', async (t) => {
  const folder = temporaryFolder(t);
  const first = await acquireWorkerId(folder);
  assert.match(first.id, /^[0-9a-f]{64}$/);
  assert.equal(readFileSync(join(folder, 'worker-id.txt'), 'utf8').trim(), first.id);
  assert.equal(statSync(first.path).mode & 0o777, 0o600);
  first.release();
  const again = await acquireWorkerId(folder);
  assert.equal(again.id, first.id);
  again.release();
  assert.deepEqual(readdirSync(folder), ['worker-id.txt']);
});

test('a second worker in the folder has an id of its own, and the first id is free after its worker ends', async (t) => {
  const folder = temporaryFolder(t);
  const workers = [await acquireWorkerId(folder), await acquireWorkerId(folder), await acquireWorkerId(folder)];
  assert.deepEqual(
    workers.map(({ path }) => path),
    ['worker-id.txt', 'worker-id-2.txt', 'worker-id-3.txt'].map((name) => join(folder, name)),
  );
  assert.equal(new Set(workers.map(({ id }) => id)).size, 3);
  workers[0]?.release();
  const next = await acquireWorkerId(folder);
  assert.equal(next.id, workers[0]?.id);
  for (const worker of [next, ...workers.slice(1)]) worker.release();
});

test('the id of a worker that was killed is free', async (t) => {
  const folder = temporaryFolder(t);
  const program = `const { acquireWorkerId } = await import(process.argv[1]);
    process.stdout.write((await acquireWorkerId(process.argv[2])).id);
    process.stdout.once('drain', () => undefined);
    process.kill(process.pid, 'SIGKILL');`;
  const words = ['--input-type=module', '--eval', program, new URL('worker-id.ts', import.meta.url).href, folder];
  await assert.rejects(promisify(execFile)(process.execPath, words), { signal: 'SIGKILL' });
  const next = await acquireWorkerId(folder);
  assert.equal(next.path, join(folder, 'worker-id.txt'));
  assert.equal(readFileSync(next.path, 'utf8').trim(), next.id);
  next.release();
});

test('the error for an invalid file names it, and the file is not changed', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'worker-id.txt');
  writeFileSync(path, 'my worker\n');
  await assert.rejects(acquireWorkerId(folder), {
    code: 'INVALID_REQUEST',
    message: /worker-id\.txt must contain 64 hex/,
  });
  assert.equal(readFileSync(path, 'utf8'), 'my worker\n');
  writeFileSync(path, 'ab'.repeat(32));
  chmodSync(path, 0o644);
  const worker = await acquireWorkerId(folder);
  assert.equal(worker.id, 'ab'.repeat(32));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  worker.release();
});

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-worker-id-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
