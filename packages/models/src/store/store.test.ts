import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pull } from '../pull.ts';
import { DEMO, DEMO_PATH } from '../testing/demo-model.ts';
import { openHub } from '../testing/hub.ts';
import { NO_DISK, smallDisk } from '@shoal/files/testing/small-disk';
import { temporaryFolder } from '@shoal/files/testing/temporary-folder';
import { untilLocked } from '@shoal/files/until-locked';
import { tryLock } from './lock.ts';
import { ModelStore } from './store.ts';

const DISK_BYTES = 8 * 1024 * 1024;

test('a model can have several names, and its file is removed with the last one', async (t) => {
  const store = await filledStore(t);
  const [model] = await store.list();
  assert.ok(model !== undefined);
  assert.equal((await store.copy('demo', 'hf.co/me/copy:1')).digest, model.digest);
  assert.equal((await store.copy(model.digest, 'third')).path, model.path);
  assert.deepEqual(
    (await store.list()).map(({ name }) => name),
    ['demo:latest', 'hf.co/me/copy:1', 'third:latest'],
  );
  assert.equal((await store.resolve('DEMO')).digest, model.digest, 'names ignore case');
  assert.equal((await store.resolve(model.digest)).digest, model.digest);
  assert.deepEqual(await store.remove('demo'), { freedBytes: 0 });
  await assert.rejects(store.resolve('demo'), { code: 'MODEL_NOT_FOUND', message: /hf\.co\/me\/copy:1, third:latest/ });
  await store.remove('hf.co/me/copy:1');
  assert.deepEqual(await store.remove('third'), { freedBytes: DEMO.length });
  assert.equal(existsSync(model.path), false);
  await assert.rejects(store.remove('third'), { code: 'MODEL_NOT_FOUND' });
  await assert.rejects(store.copy('third', '../evil'), { code: 'INVALID_REQUEST' });
});

test('broken, missing, unreadable and leftover files are found, and leftovers can be removed', async (t) => {
  const store = await filledStore(t);
  const { path, digest } = await store.resolve('demo');
  const blobs = join(store.folder, 'blobs');
  const leftovers = [
    join(blobs, `sha256-${'0'.repeat(64)}`),
    join(blobs, `${'1'.repeat(64)}.partial`),
    join(blobs, `${'1'.repeat(64)}.json`),
    join(blobs, `${'1'.repeat(64)}.json.17.1.tmp`),
  ];
  for (const file of leftovers) writeFileSync(file, 'left');
  mkdirSync(join(store.folder, 'parts', `${'2'.repeat(64)}.17.1.tmp`));
  const unreadable = join(store.folder, 'names', `${'3'.repeat(64)}.json`);
  writeFileSync(unreadable, '{"name":');

  const seen: number[] = [];
  const verification = await store.verify({ onProgress: ({ doneBytes }) => seen.push(doneBytes) });
  assert.deepEqual(verification, {
    sound: ['demo:latest'],
    broken: [],
    unreadable: [unreadable],
    orphans: [`sha256:${'0'.repeat(64)}`],
    unfinishedBytes: 4,
  });
  assert.equal(seen.at(-1), DEMO.length);
  assert.deepEqual(await store.prune(), { freedBytes: 16 });
  assert.deepEqual(readdirSync(blobs), [`sha256-${digest.slice('sha256:'.length)}`]);
  assert.deepEqual(readdirSync(join(store.folder, 'parts')), []);

  const changed = Buffer.from(DEMO);
  changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
  writeFileSync(path, changed);
  const { broken } = await store.verify();
  assert.deepEqual(broken, [{ name: 'demo:latest', why: `its file ${digest} has other content` }]);
  rmSync(path);
  assert.match((await store.verify()).broken[0]?.why ?? '', /missing/);
});

test('a lock has one holder, and is free when its process is killed', async (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const code = `const { tryLock } = await import(process.argv[1]);
    globalThis.lock = tryLock(process.argv[2]);
    process.stdout.write('locked');
    setInterval(() => undefined, 1_000);`;
  const url = new URL('lock.ts', import.meta.url).href;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', code, url, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  assert.equal(tryLock(path), undefined);
  let waited = 0;
  const waiting = untilLocked(() => tryLock(path), { onWait: () => waited++ });
  holder.kill('SIGKILL');
  (await waiting).release();
  assert.equal(waited, 1);
});

test('on a full disk a pull fails and frees its space, and the store still works', async (t) => {
  const folder = smallDisk(t, DISK_BYTES);
  if (folder === undefined) return t.skip(NO_DISK);
  const store = await ModelStore.open(folder);
  await pull(store, `file:${DEMO_PATH}`, { name: 'first' });
  const hub = await openHub(t);
  const other = Buffer.concat([DEMO, Buffer.alloc(DEMO.length)]);
  hub.files.set('/other.gguf', other);
  const link = new URL('other.gguf', hub.url).href;
  const options = { allowedHosts: [hub.url.host] };
  await assert.rejects(pull(store, link, options), { code: 'STORAGE_FULL', message: /MB more are needed.*Free some/ });
  // A response without a length fills the disk.
  hub.intercept = (_, response) => {
    response.writeHead(200);
    response.end(other);
    return true;
  };
  await assert.rejects(pull(store, link, options), { code: 'STORAGE_FULL' });
  await assert.rejects(pull(store, `file:${DEMO_PATH}`, { name: 'x'.repeat(321) }), { code: 'INVALID_REQUEST' });
  assert.deepEqual((await store.verify()).sound, ['first:latest']);
  assert.equal((await store.copy('first', 'second')).bytes, DEMO.length);
  await store.remove('first');
  await store.remove('second');
  hub.intercept = () => false;
  hub.files.set('/other.gguf', DEMO);
  assert.equal((await pull(store, link, options)).bytes, DEMO.length);
});

async function filledStore(t: TestContext): Promise<ModelStore> {
  const store = await ModelStore.open(temporaryFolder(t));
  await pull(store, `file:${DEMO_PATH}`, { name: 'demo' });
  return store;
}
