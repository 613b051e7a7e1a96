/**
 * Measures the speed of one answer between two processes over Hyperswarm, compared with the same engine (including its child
 * process) called in this process. Both alternate.
 *
 *   node bench/throughput.ts [--rounds 30] [--json]
 */
import { basename, join } from 'node:path';
import { connect, type Shoal } from '@shoal/client';
import type { Engine } from '@shoal/engine';
import { createLlama } from '@shoal/engine-llama';
import type { InferenceEvent } from '@shoal/protocol';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import { TestNetwork } from '../test/harness/test-network.ts';
import { randomModel } from './models/random-models.ts';
import { benchOptions, type Figure, interleave, median, quotient, report } from './report.ts';

const CLUSTER = 'throughput';
const TOKENS = 300;
/** The fastest setting on two cores for models of this size; fixed, so that both variants use the same. */
const THREADS = 1;
const DEMO_MODEL = join(import.meta.dirname, '../models/demo/shoal-demo.gguf');

const options = benchOptions(30);
const WARM_UPS = options.size(3, 0);
const RANDOM_MODEL = options.size('100m-q4_0', 'tiny-q4_0');
const network = await TestNetwork.open();
const shoal = await connect({ clusters: [CLUSTER], bootstrap: [network.bootstrap] });
try {
  const figures = [...(await compare(DEMO_MODEL)), ...(await compare(await randomModel(RANDOM_MODEL)))];
  report('throughput', figures, options);
} finally {
  await shoal.close();
  await network.close();
}

async function compare(path: string): Promise<Figure[]> {
  const model = basename(path, '.gguf');
  const lend = ['--lend', '--model', path, '--threads', String(THREADS)];
  const worker = await network.start(model, ...lend, '--cluster', CLUSTER);
  const engine = createLlama({ modelPath: path, threads: THREADS });
  try {
    const { local, remote } = await interleave(
      { rounds: options.rounds, warmUps: WARM_UPS },
      { local: () => locally(engine), remote: () => overTheNetwork(shoal, model) },
    );
    return [
      median(`${model}, local`, 'tokens/s', local),
      median(`${model}, over Hyperswarm`, 'tokens/s', remote),
      quotient(`${model}, over Hyperswarm ÷ local`, remote, local, { atLeast: 0.97 }),
    ];
  } finally {
    await engine.close();
    await worker.stop();
  }
}

function locally(engine: Engine): Promise<number> {
  const request: InferenceRequest = {
    input: promptInput('Count to 100'),
    sampling: { maxTokens: TOKENS, temperature: 0 },
    stop: [],
  };
  return tokensPerSecond(() => engine.generate(request, new AbortController().signal));
}

function overTheNetwork(client: Shoal, model: string): Promise<number> {
  return tokensPerSecond(() => client.generate({ prompt: 'Count to 100', model, maxTokens: TOKENS, temperature: 0 }));
}

/** From the request to the end of the answer, including the time to the first token. */
async function tokensPerSecond(
  ask: () => AsyncIterable<InferenceEvent | { readonly type: 'worker' }>,
): Promise<number> {
  const startedAt = performance.now();
  let tokens = 0;
  for await (const event of ask()) {
    if (event.type === 'text') tokens += event.tokens.length;
    if (event.type === 'error') throw event.error;
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  if (tokens !== TOKENS) throw new Error(`The answer had ${tokens} tokens instead of ${TOKENS}.`);
  return tokens / seconds;
}
