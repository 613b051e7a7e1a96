import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { recordModel, saveRecord } from './model-record.ts';

const DIGEST_OF_ABC = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

suite('what is remembered of a model file', () => {
  let directory: string;
  let path: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-record-'));
    path = join(directory, 'model.gguf');
    await writeFile(path, 'abc');
  });
  after(() => rm(directory, { recursive: true }));

  test('the digest is the SHA-256 of the content', async () => {
    assert.equal((await recordModel(path, undefined)).digest, DIGEST_OF_ABC);
  });

  test('a saved record is found again, until the file changes', async () => {
    const record = { ...(await recordModel(path, directory)), threads: { here: 3 } };
    await saveRecord(record, directory);
    assert.deepEqual(await recordModel(path, directory), record);
    await utimes(path, new Date(), new Date(0));
    assert.deepEqual((await recordModel(path, directory)).threads, {});
  });

  test('a damaged record is made again, and nothing but it is left behind', async () => {
    await saveRecord(await recordModel(path, directory), directory);
    const names = (await readdir(directory)).filter((name) => name !== 'model.gguf');
    assert.equal(names.length, 1);
    for (const damage of ['{"path"', '{"digest":"md5:1"}', 'null']) {
      await writeFile(join(directory, names[0] ?? ''), damage);
      assert.equal((await recordModel(path, directory)).digest, DIGEST_OF_ABC);
    }
  });
});
