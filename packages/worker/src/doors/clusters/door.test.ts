import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEcho } from '@shoal/engine/echo';
import { Network, type SelfDescription } from '@shoal/network';
import { promptInput } from '@shoal/protocol/request';
import { createDht, localDht } from '@shoal/transport/dht';
import { firstPeer } from '../../../test/first-peer.ts';
import { Worker } from '../../worker.ts';
import { openClusterDoor } from './door.ts';

const limits = { slots: 1, queue: 1, maxTokens: 100 };

test('the door of the clusters counts members and their requests, and closing it leaves the network', async (t) => {
  const local = await localDht();
  t.after(() => local.close());
  const dht = createDht({ bootstrap: local.bootstrap });
  t.after(() => dht.close());
  const worker = await Worker.create({ engine: createEcho(), limits, health: () => 100 });
  t.after(() => worker.close(0));
  const join = (self: SelfDescription): Network => {
    const network = new Network({
      dht,
      describe: () => self,
      status: () => worker.status(),
      onRequest: (exchange) => worker.queue.answer(exchange),
    });
    t.after(() => network.close());
    network.join('team');
    return network;
  };
  const lending = join({ name: 'worker', lends: true, models: worker.models });
  const using = join({ name: 'client', lends: false, models: [] });
  const door = openClusterDoor({ network: lending, worker });
  const peer = await firstPeer(using);
  await Array.fromAsync(peer.link.ask({ input: promptInput('Hi'), sampling: {}, stop: [] }));
  const { connections, answered } = door.status();
  assert.deepEqual({ connections, answered }, { connections: 1, answered: 1 });
  await door.close();
  assert.deepEqual(lending.clusters, []);
});
