/**
 * Measures how much later the first token arrives through each door than from the same engine in this process. All alternate,
 * warm. Donate compute and QMesh do not stream, so a whole answer of one token is measured there.
 *
 *   node bench/doors.ts [--rounds 200] [--json]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@shoal/client';
import { dialDonate } from '@shoal/client/donate';
import { connectLocalLlm } from '@shoal/client/localllm';
import { connectQmesh } from '@shoal/client/qmesh';
import type { Engine } from '@shoal/engine';
import { createEcho } from '@shoal/engine/echo';
import { createLlama } from '@shoal/engine-llama';
import { promptInput } from '@shoal/protocol/request';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, type Figure, interleave, median, quantile, report } from './report.ts';

const PROMPT = 'Hi';
const THREADS = 1;
const DEMO_MODEL = join(import.meta.dirname, '../models/demo/shoal-demo.gguf');

const options = benchOptions(200);
const WARM_UPS = options.size(20, 0);
const network = await TestNetwork.open();
try {
  const figures = [
    ...(await compare('echo', 'echo', createEcho())),
    ...(await compare('shoal-demo', DEMO_MODEL, createLlama({ modelPath: DEMO_MODEL, threads: THREADS }))),
  ];
  report('doors', figures, options);
} finally {
  await network.close();
}

async function compare(model: string, path: string, engine: Engine): Promise<Figure[]> {
  await using opened = new AsyncDisposableStack();
  opened.defer(() => engine.close());
  const home = network.home(model);
  await mkdir(home, { recursive: true });
  const doors = { donate: { port: 0 }, qmesh: {}, localllm: {}, websocket: { port: 0 }, tcp: { port: 0 } };
  await writeFile(join(home, 'config.json'), JSON.stringify({ doors }));
  const node = await network.start(model, '--lend', '--model', path, '--threads', String(THREADS));
  opened.defer(async () => void (await node.stop()));
  const addresses = new Map((await node.status()).doors.map(({ name, address }) => [name, address]));
  const addressOf = (name: string): string => addresses.get(name) ?? '';
  const bootstrap = [network.bootstrap];
  const donate = await dialDonate(addressOf('donate'));
  opened.defer(() => donate.close());
  const qmesh = opened.adopt(await connectQmesh({ bootstrap }), (client) => client.close());
  const host = opened.adopt(await connectLocalLlm(addressOf('localllm'), { bootstrap }), (client) => client.close());
  const web = opened.adopt(await connect({ peers: [addressOf('websocket')] }), (client) => client.close());
  const tcp = opened.adopt(await connect({ peers: [addressOf('tcp')] }), (client) => client.close());
  const sampling = { maxTokens: 1, temperature: 0 };
  const request = { input: promptInput(PROMPT), sampling, stop: [] };
  const { local, ...samples } = await interleave(
    { rounds: options.rounds, warmUps: WARM_UPS },
    {
      local: () => untilText(engine.generate(request, new AbortController().signal)),
      donate: () => untilDone(donate.prompt(PROMPT, { maxOut: 1 })),
      qmesh: () => untilDone(qmesh.ask(PROMPT, sampling)),
      localllm: () => untilText(host.chat(PROMPT)),
      websocket: () => untilText(web.generate({ prompt: PROMPT, ...sampling })),
      tcp: () => untilText(tcp.generate({ prompt: PROMPT, ...sampling })),
    },
  );
  const here = median('', '', local).value;
  const beyond = Object.entries(samples).map(([door, times]) => {
    const differences = times.map((ms, round) => ms - (local[round] ?? Number.NaN));
    const spread = quantile(0.5, `${model} through ${door}, beyond the engine’s own, p50`, 'ms', differences, {
      atMost: 3,
    });
    return { ...spread, value: median('', '', times).value - here };
  });
  return [median(`${model}, the engine itself, p50`, 'ms', local), ...beyond];
}

/** Reads to the end, so that no answer runs when the next round starts. */
async function untilText(events: AsyncIterable<{ readonly type: string }>): Promise<number> {
  const startedAt = performance.now();
  let firstAt: number | undefined;
  for await (const event of events) {
    if (event.type === 'text') firstAt ??= performance.now();
    if (event.type === 'error') throw new Error('The answer failed.');
  }
  if (firstAt === undefined) throw new Error('The answer had no text.');
  return firstAt - startedAt;
}

async function untilDone(answer: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await answer;
  return performance.now() - startedAt;
}
