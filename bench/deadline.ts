/**
 * Measures how long after its deadline a request ends at a worker that answers pings and says nothing: through the SDK, with
 * and without a first token, and through the API of a node. The worker is a program without Shoal's code.
 *
 *   node bench/deadline.ts [--rounds 10] [--json]
 */
import { connect, type Shoal } from '@shoal/client';
import { SilentWorker } from '../packages/client/test/silent-worker.ts';
import { send } from '../test/harness/api-request.ts';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, interleave, median, report } from './report.ts';

const AT_MOST = { atMost: 100 };

const options = benchOptions(10);
const DEADLINE_MS = 1_000;
await using opened = new AsyncDisposableStack();

const silent = opened.adopt(await SilentWorker.listen(), (one) => one.close());
const begins = opened.adopt(
  await SilentWorker.listen((reply) => reply({ type: 'inference_chunk', text: 'fo', tokens: [1] })),
  (one) => one.close(),
);
const network = opened.adopt(await TestNetwork.open(), (one) => one.close());
const node = await network.start('Node', '--peer', silent.address);
const { api } = (await node.status()).addresses;
const [toSilent, toBegun] = [await clientOf(silent), await clientOf(begins)];

const samples = await interleave(
  { rounds: options.rounds, warmUps: options.size(1, 0) },
  {
    'SDK, no token': () => late(() => viaSdk(toSilent)),
    'SDK, after a token': () => late(() => viaSdk(toBegun)),
    'OpenAI API': () => late(viaApi),
  },
);
report(
  'deadline',
  Object.entries(samples).map(([way, times]) => median(`${way}: end after the deadline`, 'ms', times, AT_MOST)),
  options,
);

async function clientOf({ address }: SilentWorker): Promise<Shoal> {
  return opened.adopt(await connect({ peers: [address] }), (client) => client.close());
}

async function late(run: () => Promise<string>): Promise<number> {
  const startedAt = performance.now();
  const code = await run();
  if (code !== 'DEADLINE_EXCEEDED') throw new Error(`The request ended with ${code}.`);
  return performance.now() - startedAt - DEADLINE_MS;
}

async function viaSdk(shoal: Shoal): Promise<string> {
  const events = await Array.fromAsync(shoal.generate({ prompt: 'Hi', deadlineMs: DEADLINE_MS }));
  const last = events.at(-1);
  return last?.type === 'error' ? last.error.code : String(last?.type);
}

/** The SDKs of OpenAI send their timeout, in seconds, in this header. */
async function viaApi(): Promise<string> {
  const { status, text } = await send({
    port: Number(new URL(api).port),
    path: '/v1/chat/completions',
    headers: { 'x-stainless-timeout': String(DEADLINE_MS / 1_000) },
    body: JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] }),
  });
  return status === 504 ? 'DEADLINE_EXCEEDED' : text;
}
