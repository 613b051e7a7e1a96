import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promptInput } from '@shoal/protocol';
import { Batcher } from './batcher.ts';
import { Generation } from './generation.ts';
import { Host } from './host.ts';
import type { FromChild, GenerateOrder } from './messages.ts';
import { loadModel, type Model } from './model.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../models/demo/shoal-demo.gguf', import.meta.url));
const LOAD_ORDER = { modelPath: MODEL_PATH, slots: 1, gpuLayers: 0, threads: 1 } as const;
/** Longer than what is generated ahead of who asked. */
const LONG: GenerateOrder = { input: promptInput('Count to 100.'), sampling: { temperature: 0 }, stop: [] };

suite('answers that take turns', () => {
  let model: Model;
  before(async () => {
    model = await loadModel(
      LOAD_ORDER,
      () => {},
      (work) => work(),
    );
  });
  after(() => {
    model.context.free();
    model.native.free();
  });

  const begin = (id: number) => new Generation(model, id, LONG, () => {});

  test('one that nobody waits for any more is let go of, though others wait before it', async () => {
    const batcher = new Batcher(model, () => {});
    const [paused, waiting, left] = [begin(1), begin(2), begin(3)];
    for (const generation of [paused, waiting, left]) batcher.submit(generation);
    while (paused.hasRoom) await setImmediate();
    left.aborted = true;
    batcher.wake();
    while (!left.hasEnded) await setImmediate();
    assert.deepEqual([paused.hasEnded, waiting.hasEnded], [false, false]);
    for (const generation of [paused, waiting]) generation.aborted = true;
    batcher.wake();
    while (!paused.hasEnded || !waiting.hasEnded) await setImmediate();
  });
});

test('a child whose answers all wait for those who asked says that it lives', async () => {
  const living = Promise.withResolvers<void>();
  const ended = new Set<string>();
  const host = new Host((message: FromChild) => {
    if (message.type !== 'news') return;
    for (const { type } of message.items) ended.add(type);
    if (ended.has('said') && message.items.length === 0) living.resolve();
  });
  await host.handle({ type: 'load', order: LOAD_ORDER });
  await host.handle({ type: 'generate', id: 1, order: LONG });
  await living.promise;
  assert.ok(!ended.has('finish'));
  await host.handle({ type: 'abort', id: 1 });
});
