import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { suite, test } from 'node:test';
import { createDht, localDht, runBootstrap } from './dht.ts';
import { createSwarm } from './hyperswarm.ts';

suite('createDht', () => {
  for (const address of ['127.0.0.1', 'host:', ':1', 'host:0', 'host:65536', 'host:1x', '[::1]:1', 'a b:1', '']) {
    test(`"${address}" is refused as a bootstrap`, () => {
      assert.throws(() => createDht({ bootstrap: [address] }), { code: 'INVALID_REQUEST' });
    });
  }

  test('a node whose bootstraps are all on this machine binds the loopback address only', async () => {
    const dht = createDht({ bootstrap: ['127.0.0.1:9', 'localhost:9'] });
    await dht.native.bind();
    assert.equal(dht.native.address().host, '127.0.0.1');
    await dht.close();
  });

  test('a node with another bootstrap binds every address', async () => {
    const dht = createDht({ bootstrap: ['127.0.0.1:9', '192.168.1.1:9'] });
    await dht.native.bind();
    assert.equal(dht.native.address().host, '0.0.0.0');
    await dht.close();
  });
});

suite('reachable', () => {
  test('resolves with the number of nodes that answered', async () => {
    const network = await localDht(3);
    const dht = createDht({ bootstrap: network.bootstrap });
    assert.deepEqual(await dht.reachable(10_000), { ok: true, nodes: 3 });
    await dht.close();
    await network.close();
  });

  test('resolves in time if the bootstrap is dead, with a reason that names it', async () => {
    const silent = createSocket('udp4');
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    const bootstrap = `127.0.0.1:${silent.address().port}`;
    const dht = createDht({ bootstrap: [bootstrap] });
    const answer = await dht.reachable(200);
    assert.ok(!answer.ok && answer.why.includes(bootstrap));
    await dht.close();
    silent.close();
  });
});

suite('a dead bootstrap', () => {
  test('does not prevent swarms from starting, and they connect once it runs', async () => {
    const stopped = await runBootstrap({ host: '127.0.0.1', port: 0 });
    await stopped.close();
    const port = Number(stopped.address.split(':')[1]);
    const connecting = connectTwo(stopped.address);
    const bootstrap = await runBootstrap({ host: '127.0.0.1', port });
    await connecting;
    await bootstrap.close();
  });

  test('does not prevent a swarm from closing', async () => {
    const dht = createDht({ bootstrap: ['127.0.0.1:9'] });
    const swarm = createSwarm({ dht, maxConnections: 1, onConnection: () => undefined });
    swarm.join(randomBytes(32), { server: true, client: true });
    await swarm.close();
    await dht.close();
  });
});

suite('runBootstrap', () => {
  test('two nodes that know only the bootstrap node find each other', async () => {
    await findEachOther('127.0.0.1');
  });

  const lan = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal);

  test(
    'two nodes find each other through its network address',
    { skip: lan === undefined && 'this machine has no network' },
    async () => {
      const address = await findEachOther('0.0.0.0');
      assert.equal(address.split(':')[0], lan?.address);
    },
  );

  test('the error for a taken port has what to do', async () => {
    const first = await runBootstrap({ host: '127.0.0.1', port: 0 });
    const port = Number(first.address.split(':')[1]);
    await assert.rejects(runBootstrap({ host: '127.0.0.1', port }), {
      code: 'INVALID_REQUEST',
      message: new RegExp(`port ${port} .* choose another port`),
    });
    await first.close();
  });

  test('a host that is not an IPv4 address is refused', async () => {
    await assert.rejects(runBootstrap({ host: 'example.org', port: 0 }), { code: 'INVALID_REQUEST' });
  });
});

/** Runs a bootstrap node at this host and connects two nodes through it. Returns its address. */
async function findEachOther(host: string): Promise<string> {
  const bootstrap = await runBootstrap({ host, port: 0 });
  await connectTwo(bootstrap.address);
  await bootstrap.close();
  return bootstrap.address;
}

/** Connects a server and a client that know only this bootstrap node. */
async function connectTwo(bootstrap: string): Promise<void> {
  const topic = randomBytes(32);
  const nodes = [true, false].map((isServer) => {
    const dht = createDht({ bootstrap: [bootstrap] });
    let connected: () => void = () => undefined;
    const isConnected = new Promise<void>((resolve) => {
      connected = resolve;
    });
    const swarm = createSwarm({ dht, maxConnections: 4, onConnection: () => connected() });
    swarm.join(topic, { server: isServer, client: !isServer });
    return { dht, swarm, isConnected };
  });
  await Promise.all(nodes.map(({ isConnected }) => isConnected));
  for (const { swarm, dht } of nodes) {
    await swarm.close();
    await dht.close();
  }
}
