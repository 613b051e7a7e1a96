import assert from 'node:assert/strict';
import { mock, suite, test } from 'node:test';
import type { ModelDescription } from './messages.ts';
import { type PooledModel, ModelPool } from './model-pool.ts';

const LOADED: ModelDescription = {
  digest: `sha256:${'0'.repeat(64)}`,
  contextLength: 8,
  abilities: [],
  threads: 1,
  device: 'cpu',
  memoryBytes: 10,
};
const never = new AbortController().signal;

/** A model that takes ten bytes and says what becomes of it. */
class FakeModel implements PooledModel {
  readonly id: string;
  readonly active = 0;
  readonly known = LOADED;
  isResident = false;

  constructor(id: string) {
    this.id = id;
  }

  #leave = () => Promise.resolve();

  leaveWith(leave: () => Promise<void>): void {
    this.#leave = leave;
  }

  unload(): Promise<void> {
    this.isResident = false;
    return this.#leave();
  }
}

function house(budgetBytes: number, keepAliveMs?: number) {
  const models = ['a', 'b', 'c'].map((id) => new FakeModel(id));
  const residency = new ModelPool({
    models,
    predictedBytes: () => 10,
    budgetBytes,
    keepAliveMs,
  });
  const enter = async (index: number): Promise<() => void> => {
    const model = models[index];
    assert.ok(model);
    const leave = await residency.enter(model, never);
    assert.ok(leave);
    model.isResident = true;
    return leave;
  };
  const inside = () => models.filter(({ isResident }) => isResident).map(({ id }) => id);
  return { residency, models, enter, inside };
}

suite('which models are in memory', () => {
  test('the one unused for the longest leaves for another', async () => {
    const { enter, inside } = house(20);
    (await enter(0))();
    (await enter(1))();
    (await enter(0))();
    (await enter(2))();
    assert.deepEqual(inside(), ['a', 'c']);
  });

  test('one that is used stays, and who has no room waits for it', async () => {
    const { enter, inside } = house(10);
    const leave = await enter(0);
    let hasEntered = false;
    const waiting = enter(1).then(() => (hasEntered = true));
    await new Promise(setImmediate);
    assert.equal(hasEntered, false);
    leave();
    await waiting;
    assert.deepEqual(inside(), ['b']);
  });

  test('one that is larger than the budget is alone', async () => {
    const { enter, inside } = house(5);
    (await enter(0))();
    (await enter(1))();
    assert.deepEqual(inside(), ['b']);
  });

  test('a request that is taken back waits no longer', async () => {
    const { residency, models, enter } = house(10);
    await enter(0);
    const abort = new AbortController();
    const waiting = residency.enter(models[1] ?? assert.fail(), abort.signal);
    abort.abort();
    assert.equal(await waiting, undefined);
  });

  test('one leaves when its time is over, unless it is used again before', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const { enter, inside, residency } = house(100, 1_000);
    (await enter(0))();
    mock.timers.tick(900);
    const leave = await enter(0);
    mock.timers.tick(900);
    assert.deepEqual(inside(), ['a']);
    assert.equal(residency.list()[0]?.leavesInMs, undefined);
    leave();
    mock.timers.tick(1_000);
    assert.deepEqual(inside(), []);
    mock.timers.reset();
  });

  test('with no time at all it leaves after its answer', async () => {
    const { enter, inside } = house(100, 0);
    const leave = await enter(0);
    leave();
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(inside(), []);
  });

  test('a model that is asked for all the time does not keep another one out', async () => {
    const { enter, inside } = house(10);
    const leave = await enter(0);
    const second = enter(1);
    const third = enter(0);
    leave();
    (await second)();
    assert.deepEqual(inside(), ['b']);
    (await third)();
    assert.deepEqual(inside(), ['a']);
  });

  test('those that wait for the same model enter together', async () => {
    const { enter, inside } = house(10);
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
    assert.deepEqual([entered, inside()], [[1, 1, 2], ['c']]);
  });

  test('what a leaving model takes is not given to another before it is gone', async () => {
    const { enter, models, residency, inside } = house(10, 0);
    const gone = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    models[0]?.leaveWith(() => {
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
    await residency.close();
    assert.deepEqual(inside(), ['b']);
  });

  test('the end lets nobody wait', async () => {
    const { residency, models, enter } = house(10);
    await enter(0);
    const waiting = residency.enter(models[1] ?? assert.fail(), never);
    await residency.close();
    assert.equal(await waiting, undefined);
  });
});
