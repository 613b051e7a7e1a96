import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Rounds } from './rounds.ts';

suite('rounds', () => {
  test('one alone never waits for others', async () => {
    const rounds = new Rounds();
    rounds.join();
    await rounds.next();
    await rounds.next();
  });

  test('all take their steps together', async () => {
    const rounds = new Rounds();
    const steps: string[] = [];
    const walk = async (name: string, count: number) => {
      rounds.join();
      for (let step = 1; step <= count; step++) {
        await rounds.next();
        steps.push(`${name}${step}`);
      }
      rounds.leave();
    };
    await Promise.all([walk('a', 3), walk('b', 1), walk('c', 2)]);
    assert.deepEqual(steps, ['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
  });

  test('one who leaves is not waited for', async () => {
    const rounds = new Rounds();
    rounds.join();
    rounds.join();
    const step = rounds.next();
    rounds.leave();
    await step;
  });
});
