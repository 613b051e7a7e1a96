import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ShoalError } from '@shoal/protocol/error';
import { SharedFiles } from './model-file.ts';
import { StagedModel } from './staged-model.ts';
import { StorageQuota } from './storage-quota.ts';

test('a model whose file cannot be removed is reported and discarded', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-staged-'));
  context.after(() => rm(folder, { recursive: true }));
  const errors: ShoalError[] = [];
  const failures: ShoalError[] = [];
  const model = new StagedModel({
    // `rm` without `recursive` fails for a folder.
    path: folder,
    begin: { type: 'begin', configuration: '{"format":"gguf"}', length: 1 },
    quota: new StorageQuota({ folder, quotaBytes: 1 }),
    shared: new SharedFiles(),
    onFail: (error) => failures.push(error),
    onError: (error) => errors.push(error),
  });
  let isNotified = false;
  model.onDiscard(() => {
    isNotified = true;
  });
  await model.prepare();
  assert.equal(failures.length, 1);
  await model.discard();
  assert.deepEqual([isNotified, model.isOver], [true, true]);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['INTERNAL'],
  );
});
