import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { StorageQuota, type StorageQuotaOptions } from './storage-quota.ts';

const FULL = { code: 'STORAGE_FULL' };

function open(more: Partial<StorageQuotaOptions> = {}): StorageQuota {
  return new StorageQuota({ folder: tmpdir(), quotaBytes: 100, firstStepBytes: 10, ...more });
}

test('an announced length alone keeps nobody out, and one beyond the quota is refused', async () => {
  const quota = open();
  await assert.rejects(quota.reserve(101), FULL);
  for (let count = 0; count < 5; count += 1) await quota.reserve(100);
  const honest = await quota.reserve(40);
  await honest.need(40);
  honest.wrote(40);
});

test('of two models that do not fit together, the later one fails after its first step, and the other is completed', async () => {
  const quota = open();
  const [first, second] = [await quota.reserve(60), await quota.reserve(60)];
  for (const model of [first, second]) {
    await model.need(10);
    model.wrote(10);
  }
  await first.need(1);
  await assert.rejects(second.need(1), FULL);
  await first.need(50);
  second.release();
  await (await quota.reserve(40)).need(40);
});

test('concurrent calls count each other', async () => {
  const quota = open();
  const models = [await quota.reserve(60), await quota.reserve(60)];
  const results = await Promise.allSettled(models.map((model) => model.need(60)));
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
});

test('a model that nobody needs makes room once', async () => {
  let removed = 0;
  const quota: StorageQuota = open({
    makeRoom: () => {
      old.release();
      removed += 1;
      return Promise.resolve(true);
    },
  });
  const old = await quota.reserve(90);
  await old.need(90);
  await (await quota.reserve(50)).need(50);
  assert.equal(removed, 1);
});
