/**
 * Measures how much later the first token arrives over Hyperswarm than from the same engine in this process. Both alternate,
 * warm. The echo engine shows the cost of the network alone.
 *
 *   node bench/first-token.ts [--rounds 400] [--json]
 */
import { join } from 'node:path';
import { connect } from '@shoal/client';
import type { Engine } from '@shoal/engine';
import { createEcho } from '@shoal/engine/echo';
import { createLlama } from '@shoal/engine-llama';
import type { InferenceEvent } from '@shoal/protocol';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { TestNetwork } from '../test/harness/test-network.ts';
import { benchOptions, type Figure, interleave, quantile, report, type Target } from './report.ts';

const CLUSTER = 'first-token';
const PROMPT = 'What is 2+2?';
const SAMPLING = { maxTokens: 4, temperature: 0 };
const THREADS = 1;
const DEMO_MODEL = join(import.meta.dirname, '../models/demo/shoal-demo.gguf');

interface Samples {
  readonly local: readonly number[];
  readonly remote: readonly number[];
}

const options = benchOptions(400);
const WARM_UPS = options.size(20, 0);
const network = await TestNetwork.open();
const shoal = await connect({ clusters: [CLUSTER], bootstrap: [network.bootstrap] });
try {
  const figures = [
    ...(await compare('echo', 'echo', createEcho())),
    ...(await compare('shoal-demo', DEMO_MODEL, createLlama({ modelPath: DEMO_MODEL, threads: THREADS }))),
  ];
  report('first-token', figures, options);
} finally {
  await shoal.close();
  await network.close();
}

async function compare(model: string, path: string, engine: Engine): Promise<Figure[]> {
  const lend = ['--lend', '--model', path, '--threads', String(THREADS)];
  const worker = await network.start(model, ...lend, '--cluster', CLUSTER);
  const request: InferenceRequest = { input: promptInput(PROMPT), sampling: SAMPLING, stop: [] };
  try {
    const samples = await interleave(
      { rounds: options.rounds, warmUps: WARM_UPS },
      {
        local: () => firstTokenMs(() => engine.generate(request, new AbortController().signal)),
        remote: () => firstTokenMs(() => shoal.generate({ prompt: PROMPT, model, ...SAMPLING })),
      },
    );
    return [
      ...rows(`${model}, p50`, 0.5, samples, { atMost: 2 }),
      ...rows(`${model}, p99`, 0.99, samples, { atMost: 5 }),
    ];
  } finally {
    await engine.close();
    await worker.stop();
  }
}

/**
 * The quantiles of both variants and their difference. This is not the quantile of the differences, which would not be 0 for
 * two variants with the same speed and noise.
 */
function rows(what: string, share: number, { local, remote }: Samples, target: Target): Figure[] {
  const here = quantile(share, `${what}, local`, 'ms', local);
  const there = quantile(share, `${what}, over Hyperswarm`, 'ms', remote);
  const differences = remote.map((ms, round) => ms - (local[round] ?? Number.NaN));
  const beyond = quantile(share, `${what}, beyond local`, 'ms', differences, target);
  return [here, there, { ...beyond, value: there.value - here.value }];
}

async function firstTokenMs(ask: () => AsyncIterable<InferenceEvent | { readonly type: 'worker' }>): Promise<number> {
  const startedAt = performance.now();
  let firstAt: number | undefined;
  for await (const event of ask()) {
    if (event.type === 'text') firstAt ??= performance.now();
    if (event.type === 'error') throw event.error;
  }
  if (firstAt === undefined) throw new Error('The answer had no text.');
  return firstAt - startedAt;
}
