/**
 * Measures the time from joining a topic to the first connection, compared with plain Hyperswarm, on a DHT on loopback. The
 * worker has already announced itself. Every round has its own topic, two DHT nodes and two swarms. For comparison, the last
 * rows cover a whole client: from `connect` with two topics to the hello of a worker in another process.
 *
 *   node bench/discovery.ts [--rounds 25] [--json]
 */
import { randomBytes } from 'node:crypto';
import { connect } from '@shoal/client';
import { createDht } from '@shoal/transport/dht';
import { createSwarm } from '@shoal/transport/hyperswarm';
import HyperDHT from 'hyperdht';
import Hyperswarm from 'hyperswarm';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, interleave, median, quotient, report } from './report.ts';

const CLUSTER = 'discovery';
const SERVER = { server: true, client: false };
const CLIENT = { server: false, client: true };

const options = benchOptions(25);
const WARM_UPS = options.size(2, 0);
const network = await TestNetwork.open();
const bootstrap = [network.bootstrap];
try {
  const worker = await network.start('Worker', '--lend', '--model', 'echo', '--cluster', CLUSTER);
  // If one client finds the worker, the worker has announced itself.
  await wholeClient();
  const { plain, ours, client } = await interleave(
    { rounds: options.rounds, warmUps: WARM_UPS },
    { plain: plainSwarms, ours: ourSwarms, client: wholeClient },
  );
  await worker.stop();
  const figures = [
    median('plain Hyperswarm', 'ms', plain),
    median('our swarm', 'ms', ours),
    quotient('our swarm ÷ plain', ours, plain, { atMost: 1.5 }),
    median('connect until the hello', 'ms', client),
    quotient('connect until the hello ÷ plain', client, plain),
  ];
  report('discovery', figures, options);
} finally {
  await network.close();
}

async function plainSwarms(): Promise<number> {
  const topic = randomBytes(32);
  const worker = plainSwarm(() => undefined);
  await worker.join(topic, SERVER).flushed();

  const startedAt = performance.now();
  const { promise, resolve } = Promise.withResolvers<number>();
  const client = plainSwarm(() => resolve(performance.now() - startedAt));
  client.join(topic, CLIENT);
  try {
    return await promise;
  } finally {
    await client.destroy();
    await worker.destroy();
  }
}

function plainSwarm(onConnection: () => void): Hyperswarm {
  const swarm = new Hyperswarm({ dht: new HyperDHT({ bootstrap, host: '127.0.0.1' }) });
  swarm.on('connection', (stream) => {
    // The other end closes the connection at the end of the round.
    stream.on('error', () => undefined);
    onConnection();
  });
  return swarm;
}

async function ourSwarms(): Promise<number> {
  const topic = randomBytes(32);
  const workerDht = createDht({ bootstrap });
  const worker = createSwarm({ dht: workerDht, maxConnections: 16, onConnection: () => undefined });
  await worker.join(topic, SERVER).announced();

  const startedAt = performance.now();
  const clientDht = createDht({ bootstrap });
  const { promise, resolve } = Promise.withResolvers<number>();
  const onConnection = (): void => resolve(performance.now() - startedAt);
  const client = createSwarm({ dht: clientDht, maxConnections: 16, onConnection });
  client.join(topic, CLIENT);
  try {
    return await promise;
  } finally {
    for (const one of [client, clientDht, worker, workerDht]) await one.close();
  }
}

async function wholeClient(): Promise<number> {
  const startedAt = performance.now();
  const shoal = await connect({ clusters: [CLUSTER], bootstrap });
  const elapsed = new Promise<number>((resolve) => {
    shoal.onChange(() => {
      if (shoal.peers().length > 0) resolve(performance.now() - startedAt);
    });
  });
  try {
    return await elapsed;
  } finally {
    await shoal.close();
  }
}
