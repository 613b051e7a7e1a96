import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEcho } from '@shoal/engine/echo';
import { helloMessage, Network } from '@shoal/network';
import { promptInput } from '@shoal/protocol/request';
import { identityOf } from '@shoal/protocol/shoal';
import { firstPeer } from '../../../test/first-peer.ts';
import { Worker } from '../../worker.ts';
import { openShoalDoor } from './door.ts';

const limits = { slots: 1, queue: 1, maxTokens: 100 };
const { key } = identityOf(new Uint8Array(32).fill(1));

for (const transport of ['websocket', 'tcp'] as const) {
  test(`a ${transport} door answers within a queue of its own and counts its requests`, async (t) => {
    const worker = await Worker.create({ engine: createEcho(), limits, health: () => 100 });
    t.after(() => worker.close(0));
    const self = { name: 'door', lends: true, models: worker.models };
    const hello = () => helloMessage(self, { key, clusters: [], uptimeSeconds: 0 });
    const door = await openShoalDoor({ transport, host: '127.0.0.1', port: 0, hello, worker });
    t.after(() => door.close());
    assert.equal(door.name, transport);
    const network = new Network({
      peers: [door.address],
      describe: () => ({ name: 'client', lends: false, models: [] }),
      status: () => ({ health: 100, active: 0, queued: 0, slots: 0 }),
    });
    t.after(() => network.close());
    const peer = await firstPeer(network);
    const events = await Array.fromAsync(peer.link.ask({ input: promptInput('Hi'), sampling: {}, stop: [] }));
    assert.equal(events.at(-1)?.type, 'finish');
    const { connections, answered, refused } = door.status();
    assert.deepEqual({ connections, answered, refused }, { connections: 1, answered: 1, refused: 0 });
    assert.equal(worker.queue.outcomes.answered, 0);
  });
}
