import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Line, SilentWorker } from '../test/silent-worker.ts';
import { AskedWorkers } from './asked-workers.ts';
import { connect, type Shoal } from './shoal.ts';

/** Resolves when the client is connected to both workers. */
function bothAreKnown(shoal: Shoal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (shoal.peers().filter(({ info }) => info.status !== undefined).length < 2) return;
      stop();
      resolve();
    };
    const stop = shoal.onChange(look);
    look();
  });
}

test('a worker that was lost and is back continues the answer when the next one is lost too', async () => {
  let asked = 0;
  const answer = (send: (message: Line) => void, _: Line, hangUp: () => void): void => {
    asked += 1;
    send({ type: 'inference_chunk', text: ['fo', 'u', 'r'][asked - 1] ?? '', tokens: [asked] });
    if (asked === 1) hangUp();
    else if (asked === 2) void bothAreKnown(shoal).then(hangUp);
    else send({ type: 'inference_end', finish_reason: 'stop' });
  };
  const workers = [await SilentWorker.listen(answer), await SilentWorker.listen(answer)];
  const shoal = await connect({ peers: workers.map(({ address }) => address) });
  await bothAreKnown(shoal);
  const events = await Array.fromAsync(shoal.generate({ prompt: 'Hi' }));
  const text = events.map((event) => (event.type === 'text' ? event.text : '')).join('');
  assert.deepEqual([text, events.at(-1)?.type, asked], ['four', 'finish', 3]);
  await shoal.close();
  for (const worker of workers) await worker.close();
});

test('a worker is asked once over a connection, and three times at most', () => {
  const asked = new AskedWorkers();
  for (let time = 0; time < 3; time += 1) {
    const worker = { key: 'a', link: {} };
    assert.ok(asked.mayAsk(worker));
    asked.add(worker);
    assert.ok(!asked.mayAsk(worker));
  }
  assert.ok(!asked.mayAsk({ key: 'a', link: {} }));
  assert.equal(asked.count, 3);
});
