/**
 * Measures whole chat completions per second over 16 connections: a node with the echo engine, a node whose engine is an
 * OpenAI-compatible server, and the gateway Portkey before the same server. All alternate, warm. The client shares the
 * processor with them.
 *
 *   node bench/api-requests.ts [--rounds 10] [--json]
 *
 * Portkey is left out if it is not installed: .ci/install-portkey installs it.
 */
import { TestNetwork } from '../test/harness/test-network.ts';
import { requestsPerSecond } from './api/load.ts';
import { portkeyHeaders, startPortkey } from './api/portkey.ts';
import { startServer } from './api/start.ts';
import { benchOptions, type Figure, interleave, median, quotient, report } from './report.ts';

const CONNECTIONS = 16;
const PATH = '/v1/chat/completions';
const MESSAGES = [{ role: 'user', content: 'Hello there' }];

const options = benchOptions(10);
const ROUND_MS = options.size(2_000, 100);
/** The compilers of all servers are done after this many rounds. */
const WARM_UPS = options.size(4, 0);
const network = await TestNetwork.open();
try {
  const upstream = `${await startServer(network, 'upstream.ts')}/v1`;
  const echo = await addressOfNode('echo', '--engine', 'echo');
  const openai = await addressOfNode('openai', '--engine', 'openai', '--openai-url', upstream);
  const portkey = await startPortkey(network);
  const samples = await interleave(
    { rounds: options.rounds, warmUps: WARM_UPS },
    {
      echo: () => rate(echo),
      openai: () => rate(openai),
      server: () => rate(`${upstream}/chat/completions`),
      portkey: () => (portkey === undefined ? Promise.resolve(0) : rate(portkey, portkeyHeaders(upstream))),
    },
  );
  report('api-requests', [...figures(samples), ...(portkey === undefined ? [] : comparison(samples))], options);
} finally {
  await network.close();
}

type Samples = Readonly<Record<'echo' | 'openai' | 'server' | 'portkey', number[]>>;

async function addressOfNode(name: string, ...flags: readonly string[]): Promise<string> {
  const node = await network.start(name, '--lend', ...flags);
  return (await node.status()).addresses.api + PATH;
}

function rate(url: string, headers?: Readonly<Record<string, string>>): Promise<number> {
  return requestsPerSecond({ url, headers, body: { model: 'echo', messages: MESSAGES } }, CONNECTIONS, ROUND_MS);
}

function figures({ echo, openai, server }: Samples): readonly Figure[] {
  return [
    median('node with echo', 'requests/s', echo, { atLeast: 5_000 }),
    median('node before the server', 'requests/s', openai),
    median('the server itself', 'requests/s', server),
  ];
}

function comparison({ echo, openai, portkey }: Samples): readonly Figure[] {
  return [
    median('Portkey before the server', 'requests/s', portkey),
    quotient('node with echo ÷ Portkey', echo, portkey, { atLeast: 5 }),
    quotient('node before the server ÷ Portkey', openai, portkey),
  ];
}
