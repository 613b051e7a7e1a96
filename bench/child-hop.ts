/**
 * What the child process costs a token: the time a token of an answer through the engine, whose model is in a process of its
 * own, less that of the same code in this process. Both take turns.
 *
 *   node bench/child-hop.ts [--rounds 15] [--json]
 */
import { createLlama } from '@shoal/engine-llama';
import { Host } from '../packages/engine-llama/src/host.ts';
import type { FromChild } from '../packages/engine-llama/src/messages.ts';
import { randomModel } from './models/random-models.ts';
import { benchOptions, interleave, median, report } from './report.ts';

const TOKENS = 200;
const PROMPT = [1, 2, 3, 4];
const THREADS = 1;

const options = benchOptions(15);
const modelPath = await randomModel(options.size('100m-q4_0', 'tiny-q4_0'));
const order = { modelPath, slots: 1, gpuLayers: 0, threads: THREADS, contextLength: 512 };
const request = {
  input: { type: 'tokens', tokens: PROMPT },
  sampling: { maxTokens: TOKENS, temperature: 0 },
  stop: [],
} as const;

const engine = createLlama(order);
await engine.models();
let hear: (message: FromChild) => void = () => {};
const host = new Host((message) => hear(message));
await host.handle({ type: 'load', order });
let lastId = 0;

const { child, here } = await interleave(
  { rounds: options.rounds, warmUps: options.size(2, 0) },
  { child: throughChild, here: inThisProcess },
);
await engine.close();
const hops = child.map((ms, round) => ms - (here[round] ?? Number.NaN));
report(
  'child-hop',
  [
    median('a token through the child process', 'ms', child),
    median('a token in this process', 'ms', here),
    median('the difference', 'ms', hops, { atMost: 0.1 }),
  ],
  options,
);
process.exit();

async function throughChild(): Promise<number> {
  const startedAt = performance.now();
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.type === 'error') throw event.error;
  }
  return (performance.now() - startedAt) / TOKENS;
}

async function inThisProcess(): Promise<number> {
  const id = ++lastId;
  const { promise, resolve } = Promise.withResolvers<void>();
  hear = (message) => {
    if (message.type !== 'news') return;
    for (const news of message.items) {
      if (news.type === 'finish') resolve();
      if (news.type === 'said') {
        const tokens = news.events.reduce((sum, event) => sum + (event.type === 'text' ? event.tokens.length : 0), 0);
        void host.handle({ type: 'taken', id, tokens });
      }
    }
  };
  const startedAt = performance.now();
  await host.handle({ type: 'generate', id, order: request });
  await promise;
  return (performance.now() - startedAt) / TOKENS;
}
