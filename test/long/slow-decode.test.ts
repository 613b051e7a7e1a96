import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ENGINE_SILENT_MS } from '@shoal/engine/child-process/silence-watch';
import { createRequest, receive } from '@shoal/engine/contracts/answers';
import { createLlama } from '@shoal/engine-llama';
import { writeRandomModel } from '@shoal/models/random-model';

/** A model with small weights and costly attention. */
const SLOW = {
  layers: 32,
  width: 256,
  heads: 8,
  keyHeads: 8,
  feedForward: 256,
  vocabulary: 300,
  context: 2_048,
  type: 'f16',
  seed: 1,
} as const;
/** About 1,800 tokens, which are read in one call of llama.cpp. */
const TEXT = 'a'.repeat(3_600);

test('one call of llama.cpp that takes seconds is no silence', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-slow-'));
  context.after(() => rm(folder, { recursive: true }));
  const modelPath = join(folder, 'slow.gguf');
  writeRandomModel(modelPath, SLOW);
  const engine = createLlama({ modelPath, threads: 1, gpuLayers: 0, slots: 1 });
  context.after(() => engine.close());
  await engine.models();
  const began = performance.now();
  const input = { type: 'embeddings', texts: [TEXT] } as const;
  const { vectors, end } = await receive(engine, createRequest('', { input }));
  const ms = performance.now() - began;
  assert.equal(end.type, 'finish');
  assert.equal(vectors.length, 1);
  assert.ok(ms > 2 * ENGINE_SILENT_MS, `the call took only ${ms} ms`);
  context.diagnostic(`${Math.round(ms)} ms`);
});
