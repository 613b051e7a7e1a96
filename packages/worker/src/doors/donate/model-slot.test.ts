import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ShoalError } from '@shoal/protocol/error';
import { ScriptedEngine } from '../../../test/scripted-engine.ts';
import { SharedFiles } from './model-file.ts';
import { ModelSlot } from './model-slot.ts';
import { StagedModel } from './staged-model.ts';
import { StorageQuota } from './storage-quota.ts';

/** Returns a model without a file on the disk. */
function model(path: string): StagedModel {
  const nothing = (): void => undefined;
  const begin = { type: 'begin', configuration: '{"format":"gguf"}', length: 1 } as const;
  const quota = new StorageQuota({ folder: '/', quotaBytes: 1 });
  return new StagedModel({ path, begin, quota, shared: new SharedFiles(), onFail: nothing, onError: nothing });
}

class StubbornEngine extends ScriptedEngine {
  override async close(): Promise<void> {
    await super.close();
    throw new Error('The engine does not close.');
  }
}

test('an engine that fails to close is reported, and the next models are loaded and closed', async () => {
  const errors: ShoalError[] = [];
  const engines: ScriptedEngine[] = [];
  const mount = (): ScriptedEngine => {
    const engine = engines.length === 0 ? new StubbornEngine([]) : new ScriptedEngine([]);
    engines.push(engine);
    return engine;
  };
  const slot = new ModelSlot({ mount, keepAliveMs: Infinity, onError: (error) => errors.push(error) });
  for (const name of ['a', 'b', 'c']) assert.equal(await slot.load(model(name)), engines.at(-1));
  await slot.close();
  assert.deepEqual(
    engines.map(({ isClosed }) => isClosed),
    [true, true, true],
  );
  assert.deepEqual(
    errors.map(({ code, cause }) => [code, cause instanceof Error && cause.message]),
    [['INTERNAL', 'The engine does not close.']],
  );
});
