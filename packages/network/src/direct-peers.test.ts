import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { DirectPeers } from './direct-peers.ts';

test('a peer that cannot be reached is dialled at growing intervals until close', async (context) => {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let lost = Promise.withResolvers<void>();
  let dials = 0;
  const peers = new DirectPeers({
    addresses: [`tcp://127.0.0.1:${address.port}`],
    onConnection: (dialled) => {
      dials += 1;
      dialled.connection.open({ data: () => {}, drain: () => {}, close: (error) => dialled.lost(error) });
    },
    onChange: () => lost.resolve(),
  });
  peers.start();
  for (const waitMs of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    await lost.promise;
    lost = Promise.withResolvers();
    assert.equal(peers.problem?.code, 'CONNECT_FAILED');
    const before = dials;
    context.mock.timers.tick(waitMs - 1);
    assert.ok(!peers.isDialling);
    assert.equal(dials, before);
    context.mock.timers.tick(1);
    assert.ok(peers.isDialling);
  }
  peers.close();
  server.close();
  await once(server, 'close');
});

test('closing cancels a running dial', async () => {
  // An address of the block that is reserved for documentation: no machine has it.
  const peers = new DirectPeers({
    addresses: ['tcp://192.0.2.1:1', 'ws://192.0.2.1:1'],
    onConnection: () => assert.fail('somebody answered'),
    onChange: () => {},
  });
  peers.start();
  assert.ok(peers.isDialling);
  peers.close();
  assert.ok(!peers.isDialling);
});
