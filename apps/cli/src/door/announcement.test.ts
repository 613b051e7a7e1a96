import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createLogger, type Logger } from '@shoal/host/log';
import { createDht, type Dht, localDht, type LocalDht } from '@shoal/transport/dht';
import { untilAnnounced } from './announcement.ts';

let network: LocalDht;
let dht: Dht;
let lines: string[] = [];
const log: Logger = createLogger('warn', { write: (line) => lines.push(line) });

before(async () => {
  network = await localDht(3);
  dht = createDht({ bootstrap: network.bootstrap });
});

after(async () => {
  await dht.close();
  await network.close();
});

test('it ends when the announcement has gone out, and not before', async () => {
  lines = [];
  const announcement = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let isOver = false;
  const announced = (): Promise<void> => (asked.resolve(), announcement.promise);
  const waiting = untilAnnounced(dht, { log, what: 'this host', announced, hasEnded: () => false });
  void waiting.then(() => (isOver = true));
  await asked.promise;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isOver, false);
  announcement.resolve();
  await waiting;
  assert.deepEqual(lines, []);
});

test('a DHT that does not answer, and one that takes no announcement in time, end the wait with a warning', async (context) => {
  const never = new Promise<void>(() => {});
  const wait = (one: Dht, hasEnded: boolean): Promise<void> =>
    untilAnnounced(one, { log, what: 'this host', announced: () => never, hasEnded: () => hasEnded });
  const silent: Dht = { ...dht, reachable: () => Promise.resolve({ ok: false, why: 'No node answered.' }) };
  const deaf: Dht = { ...dht, reachable: () => Promise.resolve({ ok: true, nodes: 3 }) };
  for (const [one, warning] of [
    [silent, /No node answered\. Nobody can find this host until one does\./],
    [deaf, /has not taken the announcement within 10 s\. Clients may not find this host yet\./],
  ] as const) {
    for (const hasEnded of [false, true]) {
      lines = [];
      context.mock.timers.enable({ apis: ['setTimeout'] });
      const waiting = wait(one, hasEnded);
      await new Promise((resolve) => setImmediate(resolve));
      context.mock.timers.tick(10_000);
      await waiting;
      context.mock.timers.reset();
      assert.equal(lines.length, hasEnded ? 0 : 1);
      if (!hasEnded) assert.match(lines[0] ?? '', warning);
    }
  }
});
