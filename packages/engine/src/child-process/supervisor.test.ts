import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ShoalError } from '@shoal/protocol/error';
import { Supervisor } from './supervisor.ts';

/** A process that runs until it crashes or is ended. */
class FakeProcess {
  readonly #gone = Promise.withResolvers<ShoalError>();
  readonly gone = this.#gone.promise;
  hasEnded = false;

  crash(): void {
    this.#gone.resolve(ShoalError.generationFailed('crashed'));
  }

  async end(): Promise<void> {
    this.hasEnded = true;
    this.#gone.resolve(ShoalError.aborted('ended'));
  }
}

function supervise(start: (count: number) => Promise<FakeProcess> = async () => new FakeProcess()) {
  const losses: string[] = [];
  let starts = 0;
  let now = 0;
  const waits: number[] = [];
  const supervisor = new Supervisor({
    start: () => start(++starts),
    lost: ({ message }) => losses.push(message),
    clock: {
      now: () => now,
      wait: async (ms) => {
        waits.push(ms);
        now += ms;
      },
    },
  });
  return { supervisor, losses, waits, starts: () => starts };
}

suite('a supervisor', () => {
  test('starts the process on first use, once', async () => {
    const { supervisor, starts } = supervise();
    assert.equal(supervisor.isRunning, false);
    const [first, second] = await Promise.all([supervisor.ready(), supervisor.ready()]);
    assert.equal(first, second);
    assert.equal(starts(), 1);
    await supervisor.close();
    assert.ok(first.hasEnded);
    await assert.rejects(supervisor.ready(), { code: 'GENERATION_ABORTED' });
  });

  test('reports a crash and restarts the process without a request', async () => {
    const restarted = Promise.withResolvers<void>();
    const { supervisor, losses } = supervise(async (count) => {
      if (count === 2) restarted.resolve();
      return new FakeProcess();
    });
    const first = await supervisor.ready();
    assert.equal(supervisor.hasFailed, false);
    first.crash();
    await restarted.promise;
    assert.equal(supervisor.hasFailed, true);
    assert.notEqual(await supervisor.ready(), first);
    assert.equal(supervisor.hasFailed, false);
    assert.deepEqual(losses, ['crashed']);
    await supervisor.close();
  });

  test('does not restart a process that it stopped itself', async () => {
    const { supervisor, losses, starts } = supervise();
    await supervisor.ready();
    await supervisor.stop();
    assert.equal(supervisor.isRunning, false);
    assert.equal(starts(), 1);
    await supervisor.ready();
    assert.equal(starts(), 2);
    await supervisor.close();
    assert.deepEqual(losses, []);
  });

  test('waits twice as long after each failure, and rejects at once when the next start is far away', async () => {
    const { supervisor, waits } = supervise(() => Promise.reject(ShoalError.generationFailed('no memory')));
    for (let round = 0; round < 5; round++) await assert.rejects(supervisor.ready(), { retryAfterMs: undefined });
    assert.deepEqual(waits, [250, 500, 1_000, 2_000]);
    await assert.rejects(supervisor.ready(), { message: 'no memory', retryAfterMs: 4_000 });
    await supervisor.close();
  });

  test('waits the shortest time again after a successful request', async () => {
    let fails = true;
    const { supervisor, waits } = supervise(async () => {
      if (fails) throw ShoalError.generationFailed('no memory');
      return new FakeProcess();
    });
    for (let round = 0; round < 3; round++) await assert.rejects(supervisor.ready());
    fails = false;
    const running = await supervisor.ready();
    supervisor.resetBackOff();
    running.crash();
    while ((await supervisor.ready()) === running) await new Promise(setImmediate);
    assert.deepEqual(waits, [250, 500, 1_000, 250]);
    await supervisor.close();
  });

  test('closes while the process starts', async () => {
    const starting = Promise.withResolvers<FakeProcess>();
    const { supervisor } = supervise(() => starting.promise);
    const waiting = supervisor.ready();
    const closed = supervisor.close();
    starting.reject(new Error('aborted'));
    await assert.rejects(waiting, { code: 'GENERATION_ABORTED' });
    await closed;
  });
});
