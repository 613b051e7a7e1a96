import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '@shoal/engine';
import type { InferenceEvent } from '@shoal/protocol';
import { promptInput, type InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { StoredModelInfo } from '../models/stored-models.ts';
import { StoreEngine } from './store-engine.ts';

const request = (model: string, contextLength?: number): InferenceRequest => ({
  model,
  input: promptInput('Hi'),
  sampling: {},
  stop: [],
  contextLength,
});

function stored(id: string, memoryBytes = 1): StoredModelInfo {
  return {
    id,
    modelPath: `/${id}`,
    contextLength: 4_096,
    trainedContextLength: 32_768,
    memoryBytes,
    sizeBytes: 1,
    modifiedAt: 0,
    architecture: 'llama',
    parameterCount: 1,
  };
}

interface Setting {
  readonly store: StoreEngine;
  /** `open` and `close` of each engine, in order. */
  readonly log: string[];
  /** The promise that an answer waits for before it ends. */
  readonly endings: Map<InferenceRequest, Promise<void>>;
}

/** A store whose engines run until the test ends their answers. */
async function setting(models: StoredModelInfo[], budgetBytes = Infinity): Promise<Setting> {
  const log: string[] = [];
  const endings = new Map<InferenceRequest, Promise<void>>();
  const store = new StoreEngine({
    listModels: () => Promise.resolve(models),
    budgetBytes,
    lentBytes: () => Promise.resolve(0),
    createEngine: (model, contextLength) => {
      log.push(`open ${model.id} ${contextLength}`);
      return Promise.resolve(fakeEngine(model, log, endings));
    },
  });
  await store.refresh();
  return { store, log, endings };
}

function fakeEngine({ id }: StoredModelInfo, log: string[], endings: Setting['endings']): Engine {
  return {
    name: 'fake',
    abilities: { slots: 1, resume: 'tokens' },
    models: () => Promise.resolve([{ id }]),
    resident: () => Promise.resolve([{ id, active: 0 }]),
    async *generate(asked): AsyncGenerator<InferenceEvent> {
      yield { type: 'text', text: id, tokens: [1] };
      await endings.get(asked);
      yield { type: 'finish', reason: 'stop', rawReason: 'end' };
    },
    close: () => {
      log.push(`close ${id}`);
      return Promise.resolve();
    },
  };
}

/** Starts an answer and returns how to complete it. */
async function begin({ store, endings }: Setting, asked: InferenceRequest): Promise<() => Promise<void>> {
  const end = Promise.withResolvers<void>();
  endings.set(asked, end.promise);
  const events = store.generate(asked, new AbortController().signal);
  const first = await events.next();
  assert.ok(first.done !== true);
  if (first.value.type === 'error') throw first.value.error;
  return async () => {
    end.resolve();
    for await (const event of events) assert.equal(event.type, 'finish');
  };
}

test('a model is loaded with its first request and stays for the next', async () => {
  const all = await setting([stored('a'), stored('b')]);
  await (
    await begin(all, request('a'))
  )();
  await (
    await begin(all, request('a'))
  )();
  assert.deepEqual(all.log, ['open a 4096']);
  await all.store.close();
  assert.deepEqual(all.log, ['open a 4096', 'close a']);
});

test('the least recently used idle model makes room', async () => {
  const all = await setting([stored('a', 4), stored('b', 4), stored('c', 4)], 8);
  for (const name of ['a', 'b', 'a', 'c']) await (await begin(all, request(name)))();
  assert.deepEqual(all.log, ['open a 4096', 'open b 4096', 'close b', 'open c 4096']);
});

test('models in use are not unloaded, and a request without room is refused', async () => {
  const all = await setting([stored('a', 4), stored('b', 4), stored('c', 4)], 8);
  const endings = [await begin(all, request('a')), await begin(all, request('b'))];
  await assert.rejects(begin(all, request('c')), { code: 'OVERLOADED' });
  for (const end of endings) await end();
  await (
    await begin(all, request('c'))
  )();
  assert.deepEqual(all.log.slice(2), ['close a', 'open c 4096']);
});

test('a model that is larger than the budget is loaded alone', async () => {
  const all = await setting([stored('a', 4), stored('big', 100)], 8);
  await (
    await begin(all, request('a'))
  )();
  await (
    await begin(all, request('big'))
  )();
  assert.deepEqual(all.log, ['open a 4096', 'close a', 'open big 4096']);
});

test('an idle model is loaded again for a longer context, up to that of its training', async () => {
  const all = await setting([stored('a')]);
  await (
    await begin(all, request('a', 100))
  )();
  const end = await begin(all, request('a', 8_192));
  await (
    await begin(all, request('a', 16_384))
  )();
  await end();
  await (
    await begin(all, request('a', 1_000_000))
  )();
  assert.deepEqual(all.log, ['open a 4096', 'close a', 'open a 8192', 'close a', 'open a 32768']);
});

test('an unknown model is an error event', async () => {
  const { store } = await setting([stored('a')]);
  const events = await Array.fromAsync(store.generate(request('b'), new AbortController().signal));
  const [event] = events;
  assert.ok(event?.type === 'error' && event.error instanceof ShoalError);
  assert.equal(event.error.code, 'MODEL_NOT_FOUND');
});
