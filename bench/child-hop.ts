/**
 * Measures the cost of the child process per token: the time per token through the engine, whose model runs in a child
 * process, minus the time of the same code in this process. The two alternate.
 *
 *   node bench/child-hop.ts [--rounds 15] [--json]
 */
import { createLlama } from '@shoal/engine-llama';
import { ChildEngine } from '../packages/engine-llama/src/child-engine.ts';
import { HeartbeatCells } from '../packages/engine-llama/src/heartbeat.ts';
import type { FromChild } from '../packages/engine-llama/src/messages.ts';
import { randomModel } from './models/random-models.ts';
import { benchOptions, interleave, median, report } from './report.ts';

const TOKENS = 200;
const PROMPT = [1, 2, 3, 4];
const THREADS = 1;

const options = benchOptions(15);
const modelPath = await randomModel(options.size('100m-q4_0', 'tiny-q4_0'));
const loadRequest = { modelPath, slots: 1, gpuLayers: 0, threads: THREADS, contextLength: 512 };
const request = {
  input: { type: 'tokens', tokens: PROMPT },
  sampling: { maxTokens: TOKENS, temperature: 0 },
  stop: [],
} as const;

const engine = createLlama(loadRequest);
await engine.models();
let receive: (message: FromChild) => void = () => {};
const inProcess = new ChildEngine({
  send: (message) => receive(message),
  heartbeat: new HeartbeatCells(),
  isOffline: false,
});
await inProcess.handle({ type: 'load', request: loadRequest });
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
  receive = (message) => {
    if (message.type !== 'events') return;
    for (const event of message.items) {
      if (event.type === 'finish') resolve();
      if (event.type === 'output') {
        const tokens = event.events.reduce(
          (sum, output) => sum + (output.type === 'text' ? output.tokens.length : 0),
          0,
        );
        void inProcess.handle({ type: 'ack', id, tokens });
      }
    }
  };
  const startedAt = performance.now();
  await inProcess.handle({ type: 'generate', id, request });
  await promise;
  return (performance.now() - startedAt) / TOKENS;
}
