/**
 * Measures the chunks of streamed chat completions that reach a client per second: through a node that has them from a lending
 * peer, against a plain HTTP server and a proxy that only pipes. In both, three processes and the client share the processor.
 * The peers speak over TCP and over Hyperswarm. All alternate, warm, with one stream and with 16.
 *
 *   node bench/api-relay.ts [--rounds 10] [--json]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestNetwork } from '../test/harness/test-network.ts';
import { type Call, chunksPerSecond } from './api/load.ts';
import { startServer } from './api/start.ts';
import { benchOptions, type Figure, interleave, median, quotient, report } from './report.ts';

const PATH = '/v1/chat/completions';
const CLUSTER = 'api-relay';
const MANY = 16;

const options = benchOptions(10);
/** Below the limit of a lent answer. */
const WORDS = options.size(4_000, 100);
const STREAMS_A_ROUND = options.size(32, MANY);
const WARM_UPS = options.size(3, 0);
const TEXT = 'word '.repeat(WORDS).trim();
const network = await TestNetwork.open();
try {
  const [tcp, swarm] = [await nodeBehindTcp(), await nodeInCluster()];
  const source = await startServer(network, 'pipe.ts', 'source', TEXT);
  const pipe = await startServer(network, 'pipe.ts', 'proxy', source);
  const figures: Figure[] = [];
  for (const streams of [1, MANY]) {
    const samples = await interleave(
      { rounds: options.rounds, warmUps: WARM_UPS },
      {
        tcp: () => rate(tcp, streams),
        swarm: () => rate(swarm, streams),
        pipe: () => rate(pipe, streams),
      },
    );
    const what = streams === 1 ? 'one stream' : `${streams} streams`;
    figures.push(
      median(`${what}, from a peer over TCP`, 'chunks/s', samples.tcp),
      median(`${what}, from a peer over Hyperswarm`, 'chunks/s', samples.swarm),
      median(`${what}, plain pipe`, 'chunks/s', samples.pipe),
      quotient(`${what}, TCP ÷ pipe`, samples.tcp, samples.pipe, { atLeast: 0.5 }),
      quotient(`${what}, Hyperswarm ÷ pipe`, samples.swarm, samples.pipe, { atLeast: 0.5 }),
    );
  }
  report('api-relay', figures, options);
} finally {
  await network.close();
}

function rate(server: string, streams: number): Promise<number> {
  const messages = [{ role: 'user', content: TEXT }];
  const call: Call = { url: server + PATH, body: { model: 'echo', stream: true, messages } };
  return chunksPerSecond(call, streams, STREAMS_A_ROUND);
}

/** Returns the address of a node that dials the TCP door of a lending one. */
async function nodeBehindTcp(): Promise<string> {
  const home = network.home('tcp-lender');
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'config.json'), JSON.stringify({ doors: { tcp: { port: 0 } } }));
  const lender = await network.start('tcp-lender', '--lend', '--engine', 'echo', '--slots', String(MANY));
  const door = (await lender.status()).doors.find(({ name }) => name === 'tcp');
  const user = await network.start('tcp-user', '--peer', door?.address ?? '');
  await user.sees('tcp-lender');
  return (await user.status()).addresses.api;
}

/** Returns the address of a node in the cluster of a lending one. */
async function nodeInCluster(): Promise<string> {
  await network.start('lender', '--lend', '--engine', 'echo', '--slots', String(MANY), '--cluster', CLUSTER);
  const user = await network.start('user', '--cluster', CLUSTER);
  await user.sees('lender');
  return (await user.status()).addresses.api;
}
