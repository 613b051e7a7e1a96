import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEcho } from '@shoal/engine/echo';
import { Network, type NetworkOptions, type SelfDescription } from '@shoal/network';
import { hashedTopic } from '@shoal/protocol/opengateway';
import { promptInput } from '@shoal/protocol/request';
import type { Exchange } from '@shoal/transport';
import { createDht, localDht } from '@shoal/transport/dht';
import { createSwarm } from '@shoal/transport/hyperswarm';
import { firstPeer } from '../../../test/first-peer.ts';
import { skipTime } from '../../../test/skip-time.ts';
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

test('only members of a cluster in which the node lends see its models and are answered', async (t) => {
  const local = await localDht();
  t.after(() => local.close());
  const dht = createDht({ bootstrap: local.bootstrap });
  t.after(() => dht.close());
  const worker = await Worker.create({ engine: createEcho(), limits, health: () => 100 });
  t.after(() => worker.close(0));
  const open = (self: SelfDescription): Network => {
    const onRequest = (exchange: Exchange): void => worker.queue.answer(exchange);
    const network = new Network({ dht, describe: () => self, status: () => worker.status(), onRequest });
    t.after(() => network.close());
    return network;
  };
  const lending = open({ name: 'worker', lends: true, models: worker.models });
  lending.join('friends');
  lending.join('public', { lends: false });
  const [friend, stranger] = ['friend', 'stranger'].map((name) => open({ name, lends: false, models: [] }));
  assert.ok(friend && stranger);
  stranger.join('public');
  const request = { input: promptInput('Hi'), sampling: {}, stop: [] };

  const seen = await firstPeer(stranger);
  assert.deepEqual([seen.info.lends, seen.info.models], [false, []]);
  const [refused] = await Array.fromAsync(seen.link.ask(request));
  assert.ok(refused?.type === 'error' && refused.error.code === 'UNAUTHORIZED');
  assert.match(refused.error.message, /the clusters in which it lends/);

  friend.join('friends');
  const offers = (): boolean => friend.peers().some(({ info }) => info.lends === true && info.models.length === 1);
  while (!offers()) await new Promise<void>((resolve) => friend.onChange(resolve));
  const [peer] = friend.peers();
  assert.equal((await Array.fromAsync(peer?.link.ask(request) ?? [])).at(-1)?.type, 'finish');

  // Told later, the same members are lent to.
  const changed = new Promise<void>((resolve) => {
    stranger.onChange(() => (stranger.peers().some(({ info }) => info.lends === true) ? resolve() : undefined));
  });
  lending.join('public', { lends: true });
  await changed;
});

test('silent peers do not keep out a member that asks, nor one that this node dials', async (t) => {
  const local = await localDht();
  t.after(() => local.close());
  const dht = createDht({ bootstrap: local.bootstrap });
  t.after(() => dht.close());
  const worker = await Worker.create({ engine: createEcho(), limits, health: () => 100 });
  t.after(() => worker.close(0));
  const join = (self: SelfDescription, more: Partial<NetworkOptions> = {}): Network => {
    const network = new Network({ dht, describe: () => self, status: () => worker.status(), ...more });
    t.after(() => network.close());
    network.join('team');
    return network;
  };
  const lending = join(
    { name: 'worker', lends: true, models: worker.models },
    { maxConnections: 3, onRequest: (exchange) => worker.queue.answer(exchange) },
  );
  for (let count = 0; count < 3; count += 1) {
    const connected = Promise.withResolvers<void>();
    const silent = createSwarm({ dht, maxConnections: 1, onConnection: () => connected.resolve() });
    t.after(() => silent.close());
    silent.join(hashedTopic('team'), { server: false, client: true });
    await connected.promise;
  }
  skipTime(t, 5_000);
  const using = join({ name: 'client', lends: false, models: [] });
  const peer = await firstPeer(using);
  const events = await Array.fromAsync(peer.link.ask({ input: promptInput('Hi'), sampling: {}, stop: [] }));
  assert.equal(events.at(-1)?.type, 'finish');
  assert.equal(lending.peers().length, 1);
});
