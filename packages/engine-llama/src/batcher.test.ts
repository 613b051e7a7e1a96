import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Batcher } from './batcher.ts';
import { Generation } from './generation.ts';
import { ChildEngine } from './child-engine.ts';
import type { FromChild, GenerateRequest } from './messages.ts';
import { loadModel, type Model } from './model.ts';
import { HeartbeatCells } from './heartbeat.ts';
import { CELLS } from './heartbeat-cells.ts';

const MODEL_PATH = fileURLToPath(new URL('../../../models/demo/shoal-demo.gguf', import.meta.url));
const LOAD_REQUEST = { modelPath: MODEL_PATH, slots: 1, gpuLayers: 0, threads: 1 } as const;
const TURN = '<|user|>Count to 100.<|end|><|assistant|>';
/** Longer than the run-ahead. */
const LONG: GenerateRequest = { input: { type: 'text', text: TURN }, sampling: { temperature: 0 }, stop: [] };

suite('the batcher', () => {
  let model: Model;
  before(async () => {
    model = await loadModel(LOAD_REQUEST, { log: () => {} });
  });
  after(() => {
    model.context.free();
    model.native.free();
  });

  const begin = (id: number) => new Generation(model, id, LONG, () => {});

  test('ends a cancelled request, even if others wait before it', async () => {
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

  test('an answer has the same tokens if the number of threads changes in its middle', async () => {
    const answer = async (threads: { stepped(): number } | undefined): Promise<readonly number[]> => {
      const tokens: number[] = [];
      // A new batcher does not know what the cache contains.
      model.context.forget(0, 0);
      const batcher = new Batcher({ ...model, threads }, () => {});
      const generation = new Generation(model, 1, { ...LONG, sampling: { temperature: 0, maxTokens: 40 } }, (event) => {
        if (event.type !== 'output') return;
        const added = event.events.flatMap((output) => (output.type === 'embedding' ? [] : output.tokens));
        tokens.push(...added);
        generation.acknowledge(added.length);
        batcher.wake();
      });
      batcher.submit(generation);
      while (!generation.hasEnded) await setImmediate();
      return tokens;
    };
    const usual = await answer(undefined);
    let steps = 0;
    const changing = await answer({ stepped: () => 1 + (Math.floor(steps++ / 3) % 2) });
    model.context.threads = LOAD_REQUEST.threads;
    assert.ok(steps > 30);
    assert.deepEqual(changing, usual);
  });
});

test('a child makes steps while all answers wait for their consumers', async () => {
  const waiting = Promise.withResolvers<void>();
  const ended = new Set<string>();
  const heartbeat = new HeartbeatCells();
  const steps = (): number => Atomics.load(heartbeat.cells, CELLS.steps);
  const send = (message: FromChild): void => {
    if (message.type !== 'events') return;
    for (const { type } of message.items) ended.add(type);
    if (ended.has('output')) waiting.resolve();
  };
  const child = new ChildEngine({ send, heartbeat, isOffline: false });
  await child.handle({ type: 'load', request: LOAD_REQUEST });
  await child.handle({ type: 'generate', id: 1, request: LONG });
  await waiting.promise;
  // The batcher has made its last step before this one.
  for (let last = steps(), unchanged = 0; unchanged < 10; unchanged++) {
    await setImmediate();
    if (steps() !== last) [last, unchanged] = [steps(), 0];
  }
  const waitedFrom = steps();
  while (steps() === waitedFrom) await setImmediate();
  assert.ok(!ended.has('finish'));
  await child.handle({ type: 'abort', id: 1 });
  assert.equal(Atomics.load(heartbeat.cells, CELLS.open), 0);
});
