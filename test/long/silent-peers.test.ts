import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from '@shoal/client';
import { hashedTopic } from '@shoal/protocol/opengateway';
import HyperDHT from 'hyperdht';
import { Doorways } from '../harness/doorways.ts';
import { TestNetwork } from '../harness/test-network.ts';

const CLUSTER = 'silence';
const LET_IN_MS_MAX = 5_000;
/** A LocalLLM host refuses a newcomer at once while the idle clients may still ask, which is 3 s. */
const STAY_MS = 3_500;

/** Silent connections that fill each door. */
const FILLED_BY: Readonly<Record<string, number>> = { donate: 64, tcp: 8, websocket: 8, qmesh: 256, localllm: 5 };

const network = await TestNetwork.open();
after(() => network.close());
const home = network.home('Doors');
await mkdir(home, { recursive: true });
const few = { port: 0, maxConnections: 8 };
const doors = { donate: { port: 0 }, qmesh: {}, localllm: {}, websocket: few, tcp: few };
await writeFile(join(home, 'config.json'), JSON.stringify({ doors }));
const node = await network.start('Doors', '--lend', '--model', 'echo', '--cluster', CLUSTER);
const dht = new HyperDHT({ bootstrap: [network.bootstrap], host: '127.0.0.1' });
after(() => dht.destroy({ force: true }));
const doorways = await Doorways.of(node, dht, network.bootstrap);

async function answeredWithin(context: { diagnostic(line: string): void }, ask: () => Promise<string>): Promise<void> {
  const startedAt = performance.now();
  assert.equal(await ask(), 'still there?');
  const tookMs = performance.now() - startedAt;
  context.diagnostic(`${Math.round(tookMs)} ms`);
  assert.ok(tookMs < LET_IN_MS_MAX, `${tookMs} ms`);
}

for (const [name, { dial, ask }] of Object.entries(doorways.all)) {
  test(`${name}: a client that connects once to a door full of silent peers is answered within 5 s`, async (context) => {
    const silent = await Promise.all(Array.from({ length: FILLED_BY[name] ?? 0 }, dial));
    if (name === 'localllm') await wait(STAY_MS);
    await answeredWithin(context, ask);
    for (const one of silent) one.destroy();
  });
}

test('a member of a cluster whose node is full of silent peers is answered within 5 s', async (context) => {
  const silent = await Promise.all(Array.from({ length: 256 }, () => doorways.peer(hashedTopic(CLUSTER))));
  const shoal = await connect({ clusters: [CLUSTER], bootstrap: [network.bootstrap] });
  context.after(() => shoal.close());
  await answeredWithin(context, () => shoal.text({ prompt: 'still there?' }));
  for (const one of silent) one.destroy();
});
