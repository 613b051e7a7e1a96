import assert from 'node:assert/strict';
import { mock, suite, test } from 'node:test';
import type { ModelDescription } from './messages.ts';
import { type Leave, type PooledModel, ModelPool } from './model-pool.ts';

const LOADED: ModelDescription = {
  digest: `sha256:${'0'.repeat(64)}`,
  contextLength: 8,
  abilities: [],
  threads: 1,
  device: 'cpu',
  memoryBytes: 10,
  isOffline: false,
};
const never = new AbortController().signal;

/** A model that takes ten bytes. */
class FakeModel implements PooledModel {
  readonly id: string;
  readonly active = 0;
  readonly known = LOADED;
  isResident = false;

  constructor(id: string) {
    this.id = id;
  }

  #unloading = () => Promise.resolve();

  unloadWith(unload: () => Promise<void>): void {
    this.#unloading = unload;
  }

  unload(): Promise<void> {
    this.isResident = false;
    return this.#unloading();
  }
}

function createPool(budgetBytes: number, keepAliveMs?: number) {
  const models = ['a', 'b', 'c'].map((id) => new FakeModel(id));
  const pool = new ModelPool({
    models,
    predictedBytes: () => 10,
    budgetBytes,
    keepAliveMs,
  });
  const enter = async (index: number): Promise<Leave> => {
    const model = models[index];
    assert.ok(model);
    const leave = await pool.enter(model, never);
    assert.ok(leave);
    model.isResident = true;
    return leave;
  };
  const loaded = () => models.filter(({ isResident }) => isResident).map(({ id }) => id);
  return { pool, models, enter, loaded };
}

suite('the model pool', () => {
  test('unloads the least recently used model for another', async () => {
    const { enter, loaded } = createPool(20);
    (await enter(0))();
    (await enter(1))();
    (await enter(0))();
    (await enter(2))();
    assert.deepEqual(loaded(), ['a', 'c']);
  });

  test('keeps a model in use, and others wait until it is free', async () => {
    const { enter, loaded } = createPool(10);
    const leave = await enter(0);
    let hasEntered = false;
    const waiting = enter(1).then(() => (hasEntered = true));
    await new Promise(setImmediate);
    assert.equal(hasEntered, false);
    leave();
    await waiting;
    assert.deepEqual(loaded(), ['b']);
  });

  test('loads a model alone that is larger than the budget', async () => {
    const { enter, loaded } = createPool(5);
    (await enter(0))();
    (await enter(1))();
    assert.deepEqual(loaded(), ['b']);
  });

  test('ends the wait of a cancelled request', async () => {
    const { pool, models, enter } = createPool(10);
    await enter(0);
    const abort = new AbortController();
    const waiting = pool.enter(models[1] ?? assert.fail(), abort.signal);
    abort.abort();
    assert.equal(await waiting, undefined);
  });

  test('unloads a model after its idle time, unless it is used again', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const { enter, loaded, pool } = createPool(100, 1_000);
    (await enter(0))();
    mock.timers.tick(900);
    const leave = await enter(0);
    mock.timers.tick(900);
    assert.deepEqual(loaded(), ['a']);
    assert.equal(pool.list()[0]?.leavesInMs, undefined);
    leave();
    mock.timers.tick(1_000);
    assert.deepEqual(loaded(), []);
    mock.timers.reset();
  });

  test('keeps a model as long as a use asks for, also after later uses, until it is unloaded', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const { enter, loaded, pool } = createPool(100, 1_000);
    for (const stays of [-1, Number.MAX_SAFE_INTEGER]) {
      (await enter(0))(stays);
      (await enter(0))();
      mock.timers.tick(100_000);
      assert.deepEqual([loaded(), pool.list()[0]?.leavesInMs], [['a'], undefined]);
    }
    const [first, last] = [await enter(0), await enter(0)];
    first(2_000);
    last();
    mock.timers.tick(1_999);
    assert.deepEqual(loaded(), ['a']);
    mock.timers.tick(1);
    assert.deepEqual(loaded(), []);
    await new Promise(setImmediate);
    (await enter(0))();
    mock.timers.tick(1_000);
    assert.deepEqual(loaded(), []);
    mock.timers.reset();
  });

  test('unloads a model after its answer if the idle time is 0', async () => {
    const { enter, loaded } = createPool(100, 0);
    const leave = await enter(0);
    leave();
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(loaded(), []);
  });

  test('does not let a busy model block another one', async () => {
    const { enter, loaded } = createPool(10);
    const leave = await enter(0);
    const second = enter(1);
    const third = enter(0);
    leave();
    (await second)();
    assert.deepEqual(loaded(), ['b']);
    (await third)();
    assert.deepEqual(loaded(), ['a']);
  });

  test('admits requests that wait for the same model together', async () => {
    const { enter, loaded } = createPool(10);
    const leave = await enter(0);
    const entered: number[] = [];
    const waiting = [1, 2, 1].map(async (index) => {
      const leaveAgain = await enter(index);
      entered.push(index);
      return leaveAgain;
    });
    leave();
    for (const index of [0, 2]) (await waiting[index])?.();
    await Promise.all(waiting);
    assert.deepEqual([entered, loaded()], [[1, 1, 2], ['c']]);
  });

  test('counts the memory of a model until it is unloaded', async () => {
    const { enter, models, pool, loaded } = createPool(10, 0);
    const gone = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    models[0]?.unloadWith(() => {
      left.resolve();
      return gone.promise;
    });
    (await enter(0))();
    await left.promise;
    let hasEntered = 0;
    const entering = [0, 1].map(async (index) => {
      const leave = await enter(index);
      hasEntered++;
      leave();
    });
    await new Promise(setImmediate);
    assert.equal(hasEntered, 0);
    gone.resolve();
    await Promise.all(entering);
    await pool.close();
    assert.deepEqual(loaded(), ['b']);
  });

  test('unloads no other model for one that is being unloaded', async () => {
    const { enter, models, loaded } = createPool(100, 0);
    const gone = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    (await enter(1))(-1);
    models[0]?.unloadWith(() => {
      left.resolve();
      return gone.promise;
    });
    (await enter(0))();
    await left.promise;
    const again = enter(0);
    gone.resolve();
    await again;
    assert.deepEqual(loaded(), ['a', 'b']);
  });

  test('ends all waits when it is closed', async () => {
    const { pool, models, enter } = createPool(10);
    await enter(0);
    const waiting = pool.enter(models[1] ?? assert.fail(), never);
    await pool.close();
    assert.equal(await waiting, undefined);
  });
});
