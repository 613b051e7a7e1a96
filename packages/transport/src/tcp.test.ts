import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { connectionContract } from './contracts/index.ts';
import { Recorder } from './contracts/recorder.ts';
import type { Connection } from './connection.ts';
import { MINIMUM_STAY_MS } from './seats.ts';
import { dialTcp, listenTcp, TcpConnection } from './tcp.ts';
import type { TcpListenOptions } from './tcp.ts';

connectionContract('tcp', async () => {
  const server = createServer({ pauseOnConnect: false });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server.address());
  const accepted = once(server, 'connection');
  const dialled = connect({ host: '127.0.0.1', port });
  await once(dialled, 'connect');
  const [served]: Socket[] = await accepted;
  assert.ok(served);
  return {
    a: new TcpConnection(dialled, true),
    b: new TcpConnection(served, false),
    vanish: () => served.resetAndDestroy(),
    async close() {
      dialled.destroy();
      served.destroy();
      server.close();
      await once(server, 'close');
    },
  };
});

test('a listener accepts connections and closes them when it closes', async () => {
  const { listener, accepted, dial } = await listen({});
  const client = new Recorder(await dial());
  const served = new Recorder(await accepted(1));
  await listener.close();
  await Promise.all([client.closed(), served.closed()]);
  assert.equal(client.error, undefined);
});

test('a connection beyond the total is refused until another has closed', async () => {
  const { listener, accepted, dial } = await listen({ maxConnections: 2 });
  await dial();
  await dial();
  const served = await accepted(2);
  await new Recorder(await dial()).closed();
  served.close();
  await new Recorder(served).closed();
  new Recorder(await dial());
  await accepted(3);
  await listener.close();
});

test('a connection beyond the limit of its address is refused', async () => {
  const { listener, accepted, dial } = await listen({ maxConnections: 10, maxConnectionsPerAddress: 1 });
  await dial();
  await accepted(1);
  await new Recorder(await dial()).closed();
  await listener.close();
});

test('an idle connection is closed for a newcomer once its minimum stay is over', async (context) => {
  const { listener, accepted, dial } = await listen({ maxConnections: 2, areIdle: true });
  const [first, second] = [new Recorder(await dial()), new Recorder(await dial())];
  await accepted(2);
  const now = performance.now.bind(performance);
  context.mock.method(performance, 'now', () => now() + MINIMUM_STAY_MS);
  new Recorder(await dial());
  await accepted(3);
  await first.closed();
  assert.equal(second.closes, 0);
  await listener.close();
});

test('an address that is not allowed is refused', async () => {
  const asked: string[] = [];
  const { listener, dial } = await listen({
    allow(address) {
      asked.push(address);
      return false;
    },
  });
  await new Recorder(await dial()).closed();
  assert.deepEqual(asked, ['127.0.0.1']);
  await listener.close();
});

test('the error for a taken port has the port and what to do', async () => {
  const { listener } = await listen({});
  const { host, port } = listener.address();
  await assert.rejects(listenTcp({ host, port, maxConnections: 1, onConnection: () => undefined }), {
    code: 'INVALID_REQUEST',
    message: new RegExp(`:${port}: .* choose another port`),
  });
  await listener.close();
});

test('a dial to a closed port fails with CONNECT_FAILED', async () => {
  const { listener } = await listen({});
  const { host, port } = listener.address();
  await listener.close();
  await assert.rejects(dialTcp({ host, port, timeoutMs: 10_000 }), { code: 'CONNECT_FAILED' });
});

test('a raw client that never reads leaves the writer with a bounded buffer', async () => {
  const { listener, accepted } = await listen({});
  const raw = connect(listener.address());
  raw.pause();
  await once(raw, 'connect');
  const writer = new Recorder(await accepted(1));
  const sent = await writer.sendUntilStalled(64 * 1024 * 1024);
  assert.ok(sent < 64 * 1024 * 1024);
  raw.destroy();
  await writer.closed();
  await listener.close();
});

/** `areIdle`: the connections may be closed for newcomers. */
async function listen({ areIdle = false, ...options }: Partial<TcpListenOptions> & { readonly areIdle?: boolean }) {
  const connections: Connection[] = [];
  let arrived: () => void = () => undefined;
  const listener = await listenTcp({
    host: '127.0.0.1',
    port: 0,
    maxConnections: 8,
    ...options,
    onConnection(connection, seat) {
      if (!areIdle) seat.keep();
      connections.push(connection);
      arrived();
    },
  });
  return {
    listener,
    dial: () => dialTcp({ ...listener.address(), timeoutMs: 10_000 }),
    /** Resolves with the nth accepted connection. */
    accepted: async (count: number): Promise<Connection> => {
      for (;;) {
        const connection = connections[count - 1];
        if (connection !== undefined) return connection;
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}
