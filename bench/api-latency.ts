/**
 * Measures the time that the API adds to a direct call of the engine: a whole chat completion, one at a time, warm, against the
 * echo engine in this process. Both alternate, with calls of a plain HTTP server, which show the cost of HTTP between two
 * processes.
 *
 *   node bench/api-latency.ts [--rounds 5000] [--json]
 */
import { createEcho } from '@shoal/engine/echo';
import type { InferenceRequest } from '@shoal/protocol/request';
import { TestNetwork } from '../test/harness/test-network.ts';
import { HttpConnection, requestBytes } from './api/load.ts';
import { startServer } from './api/start.ts';
import { benchOptions, type Figure, interleave, quantile, report, type Target } from './report.ts';

const PATH = '/v1/chat/completions';
const MESSAGES = [{ role: 'user', content: 'Hello there' }] as const;

const options = benchOptions(5_000);
const WARM_UPS = options.size(5_000, 0);
const network = await TestNetwork.open();
const engine = createEcho();
try {
  const node = await network.start('echo', '--lend', '--engine', 'echo');
  const viaApi = await asking((await node.status()).addresses.api);
  const viaServer = await asking(await startServer(network, 'upstream.ts'));
  const samples = await interleave(
    { rounds: options.rounds, warmUps: WARM_UPS },
    { engine: () => timed(askEngine), server: () => timed(viaServer), api: () => timed(viaApi) },
  );
  const figures = [...rows('p50', 0.5, samples, { atMost: 0.2 }), ...rows('p99', 0.99, samples, { atMost: 2 })];
  report('api-latency', figures, options);
} finally {
  await network.close();
}

type Samples = Readonly<Record<'engine' | 'server' | 'api', readonly number[]>>;

async function asking(server: string): Promise<() => Promise<unknown>> {
  const call = { url: server + PATH, body: { model: 'echo', messages: MESSAGES } };
  const [connection, bytes] = [await HttpConnection.open(call.url), requestBytes(call)];
  return () => connection.request(bytes);
}

async function askEngine(): Promise<void> {
  const request: InferenceRequest = { input: { type: 'messages', messages: MESSAGES }, sampling: {}, stop: [] };
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.type === 'error') throw event.error;
  }
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}

/** The difference is that of the quantiles, not the quantile of the differences, which would not be 0 for equal noise. */
function rows(what: string, share: number, { engine: direct, server, api }: Samples, target: Target): Figure[] {
  const here = quantile(share, `${what}, the engine called directly`, 'ms', direct);
  const there = quantile(share, `${what}, through the API`, 'ms', api);
  const differences = api.map((ms, round) => ms - (direct[round] ?? Number.NaN));
  const added = quantile(share, `${what}, added by the API`, 'ms', differences, target);
  return [
    here,
    there,
    { ...added, value: there.value - here.value },
    quantile(share, `${what}, a plain HTTP server`, 'ms', server),
  ];
}
