import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectQmesh, type Qmesh } from '@shoal/client/qmesh';
import { Pool } from './pool.ts';

const WORKERS = 50;
const PROMPTS = 100;

test('one client finds fifty workers on a DHT of ten nodes, and distributes a hundred prompts over them', async (t) => {
  const pool = await Pool.open({ workers: WORKERS, dhtNodes: 10, wordsPerSecond: 20 });
  t.after(() => pool.close());
  const qmesh = await connectQmesh({ bootstrap: pool.bootstrap });
  t.after(() => qmesh.close());

  await knows(qmesh, WORKERS);
  assert.equal(new Set(qmesh.workers().map(({ id }) => id)).size, WORKERS);

  const prompts = Array.from({ length: PROMPTS }, (_, index) => `prompt number ${index}`);
  const answers = await Promise.all(prompts.map((prompt) => qmesh.ask(prompt)));
  assert.deepEqual(
    answers.map(({ text }) => text),
    prompts,
  );
  const served = pool.doors.map((door) => door.status().answered);
  // Two each in the ideal case; a worker that reports its health in between may get one more.
  assert.ok(served.filter((count) => count > 0).length >= 0.9 * WORKERS, served.join(' '));
  assert.ok(Math.max(...served) <= 4, served.join(' '));
});

function knows(qmesh: Qmesh, count: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (qmesh.workers().length < count) return;
      stop();
      resolve();
    };
    const stop = qmesh.onChange(look);
    look();
  });
}
