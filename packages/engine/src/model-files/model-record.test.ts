import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { loadModelRecord, saveModelRecord } from './model-record.ts';

const DIGEST_OF_ABC = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

suite('the record of a model file', () => {
  let directory: string;
  let path: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-record-'));
    path = join(directory, 'model.gguf');
    await writeFile(path, 'abc');
  });
  after(() => rm(directory, { recursive: true }));

  test('the digest is the SHA-256 of the content', async () => {
    assert.equal((await loadModelRecord(path, undefined)).digest, DIGEST_OF_ABC);
  });

  test('a saved record is used until the file changes', async () => {
    const record = { ...(await loadModelRecord(path, directory)), threads: { here: 3 } };
    await saveModelRecord(record, directory);
    assert.deepEqual(await loadModelRecord(path, directory), record);
    await utimes(path, new Date(), new Date(0));
    assert.deepEqual((await loadModelRecord(path, directory)).threads, {});
  });

  test('a damaged record is replaced, and no other file is left behind', async () => {
    await saveModelRecord(await loadModelRecord(path, directory), directory);
    const names = (await readdir(directory)).filter((name) => name !== 'model.gguf');
    assert.equal(names.length, 1);
    for (const damage of ['{"path"', '{"digest":"md5:1"}', 'null']) {
      await writeFile(join(directory, names[0] ?? ''), damage);
      assert.equal((await loadModelRecord(path, directory)).digest, DIGEST_OF_ABC);
    }
  });
});
