import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createEcho } from '@shoal/engine/echo';
import { helloMessage, Network, type Peer } from '@shoal/network';
import { promptInput } from '@shoal/protocol/request';
import { identityOf } from '@shoal/protocol/shoal';
import { firstPeer } from '../../../test/first-peer.ts';
import { skipTime } from '../../../test/skip-time.ts';
import { Worker } from '../../worker.ts';
import { openShoalDoor } from './door.ts';

const limits = { slots: 1, queue: 1, maxTokens: 100 };
const { key } = identityOf(new Uint8Array(32).fill(1));

async function openDoor(t: TestContext, transport: 'websocket' | 'tcp', maxConnections?: number) {
  const worker = await Worker.create({ engine: createEcho(), limits, health: () => 100 });
  t.after(() => worker.close(0));
  const self = { name: 'door', lends: true, models: worker.models };
  const hello = () => helloMessage(self, { key, clusters: [], uptimeSeconds: 0 });
  const door = await openShoalDoor({ transport, host: '127.0.0.1', port: 0, hello, worker, maxConnections });
  t.after(() => door.close());
  return { worker, door };
}

/** Resolves with the peer that is dialled at this address, once it has accepted the connection. */
function dial(t: TestContext, address: string) {
  const network = new Network({
    peers: [address],
    describe: () => ({ name: 'client', lends: false, models: [] }),
    status: () => ({ health: 100, active: 0, queued: 0, slots: 0 }),
  });
  t.after(() => network.close());
  return firstPeer(network);
}

async function ask(peer: Peer): Promise<string | undefined> {
  const events = await Array.fromAsync(peer.link.ask({ input: promptInput('Hi'), sampling: {}, stop: [] }));
  return events.at(-1)?.type;
}

for (const transport of ['websocket', 'tcp'] as const) {
  test(`a ${transport} door answers within a queue of its own and counts its requests`, async (t) => {
    const { worker, door } = await openDoor(t, transport);
    assert.equal(door.name, transport);
    assert.equal(await ask(await dial(t, door.address)), 'finish');
    const { connections, answered, refused } = door.status();
    assert.deepEqual({ connections, answered, refused }, { connections: 1, answered: 1, refused: 0 });
    assert.equal(worker.queue.outcomes.answered, 0);
  });

  for (const saysHello of [true, false]) {
    const silent = saysHello ? 'silent peers' : 'sockets without a hello';
    test(`${silent} at a ${transport} door do not keep out one that asks, and one that has asked stays`, async (t) => {
      const { door } = await openDoor(t, transport, 3);
      const asked = await dial(t, door.address);
      await ask(asked);
      for (let count = 0; count < 2; count += 1) {
        if (saysHello) await dial(t, door.address);
        else await connectSocket(t, door.address);
      }
      skipTime(t, 5_000);
      assert.equal(await ask(await dial(t, door.address)), 'finish');
      assert.equal(await ask(asked), 'finish');
    });
  }
}

async function connectSocket(t: TestContext, address: string): Promise<void> {
  const { hostname: host, port } = new URL(address);
  const socket = connect({ host, port: Number(port) });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
}
