/**
 * Measures the time from an abort until the engine is idle, through each door that supports aborts: during an answer, where
 * one token must be finished first, and during a long prompt, where one batch of it must be. The engine has one slot. It is
 * idle when it can begin the next answer: the time to that answer's first token, minus the same time on an idle engine.
 *
 *   node bench/abort.ts [--rounds 60] [--json]
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connect } from '@shoal/client';
import { connectLocalLlm } from '@shoal/client/localllm';
import { createLlama } from '@shoal/engine-llama';
import { promptInput } from '@shoal/protocol/request';
import { createDht, localDht } from '@shoal/transport/dht';
import { Worker } from '@shoal/worker';
import { openLocalLlmDoor } from '@shoal/worker/localllm';
import { openShoalDoor } from '@shoal/worker/shoal';
import { helloMessage, Network, type SelfDescription } from '@shoal/network';
import { benchOptions, interleave, median, report } from './report.ts';

const CLUSTER = 'abort';
const TOKENS_BEFORE = 5;
const PIECE_TOKENS = 128;
const PROMPT = 'Count to 100';
/** About 400 tokens of the demo model's context of 512; several batches. */
const LONG_PROMPT = 'what is 2+2? '.repeat(60);
const DEMO_MODEL = join(import.meta.dirname, '../models/demo/shoal-demo.gguf');

const options = benchOptions(60);
const WARM_UPS = options.size(3, 0);
await using opened = new AsyncDisposableStack();

const dhtBehind = opened.adopt(await localDht(), (one) => one.close());
const { bootstrap } = dhtBehind;
const engine = createLlama({ modelPath: DEMO_MODEL, threads: 1, slots: 1 });
const worker = opened.adopt(
  await Worker.create({
    engine,
    limits: { slots: 1, queue: 4, maxTokens: 400 },
    health: () => 100,
  }),
  (one) => one.close(0),
);
const dht = opened.adopt(createDht({ bootstrap }), (one) => one.close());
const describe = (): SelfDescription => ({ name: 'worker', lends: true, models: worker.models });
const status = () => worker.status();
const network = opened.adopt(
  new Network({ dht, describe, status, onRequest: (exchange) => worker.queue.answer(exchange) }),
  (one) => one.close(),
);
network.join(CLUSTER);
const localllm = opened.adopt(
  openLocalLlmDoor({ dht, worker, name: 'host', topic: randomBytes(32), maxTokens: 400 }),
  (one) => one.close(),
);
const door = opened.adopt(
  await openShoalDoor({
    transport: 'websocket',
    host: '127.0.0.1',
    port: 0,
    hello: () => helloMessage(describe(), { key: network.key, clusters: [], uptimeSeconds: 0 }),
    worker,
  }),
  (one) => one.close(),
);

const web = opened.adopt(await connect({ peers: [door.address] }), (client) => client.close());
const swarm = opened.adopt(await connect({ clusters: [CLUSTER], bootstrap }), (client) => client.close());
const host = opened.adopt(await connectLocalLlm(localllm.serverId, { bootstrap }), (client) => client.close());

const doors = {
  websocket: (prompt: string, signal: AbortSignal) => web.generate({ prompt, signal, temperature: 0 }),
  hyperswarm: (prompt: string, signal: AbortSignal) => swarm.generate({ prompt, signal, temperature: 0 }),
  localllm: (prompt: string, signal: AbortSignal) => host.chat(prompt, { signal }),
};

const tokenMs = await timePerToken();
const pieceMs = await timePerPiece();
const ways: Record<string, () => Promise<number>> = { idle: untilFirstToken };
for (const [name, ask] of Object.entries(doors)) {
  ways[`${name}, in an answer`] = () => abortAfter(ask, PROMPT, TOKENS_BEFORE);
  ways[`${name}, in a prompt`] = () => abortInPrompt(ask);
}
const { idle = [], ...samples } = await interleave({ rounds: options.rounds, warmUps: WARM_UPS }, ways);
const idleMs = median('', '', idle).value;
report(
  'abort',
  [
    median('a token', 'ms', [tokenMs]),
    median('a piece of the prompt', 'ms', [pieceMs]),
    median('first token of an idle engine', 'ms', idle),
    ...Object.entries(samples).map(([way, times]) => {
      const atMost = Math.ceil((way.endsWith('prompt') ? pieceMs : tokenMs) + 5);
      const beyond = times.map((ms) => ms - idleMs);
      return median(`${way}: abort until idle`, 'ms', beyond, { atMost });
    }),
  ],
  options,
);

type Ask = (typeof doors)[keyof typeof doors];

async function abortAfter(ask: Ask, prompt: string, texts: number): Promise<number> {
  const abort = new AbortController();
  let seen = 0;
  let isIdle: Promise<number> | undefined;
  for await (const event of ask(prompt, abort.signal)) {
    if (event.type !== 'text') continue;
    seen += 1;
    if (seen === texts) isIdle = abortNow(abort);
  }
  if (isIdle === undefined) throw new Error('The answer was over before it was aborted.');
  return isIdle;
}

/** Aborts as soon as the worker has begun, before the first text. */
async function abortInPrompt(ask: Ask): Promise<number> {
  const abort = new AbortController();
  const reading = (async () => {
    for await (const event of ask(LONG_PROMPT, abort.signal)) {
      if (event.type === 'text') throw new Error('The prompt was too short.');
    }
  })();
  while (worker.scheduler.load.active === 0) await new Promise((resolve) => setImmediate(resolve));
  const elapsed = await abortNow(abort);
  await reading;
  return elapsed;
}

async function abortNow(abort: AbortController): Promise<number> {
  const startedAt = performance.now();
  abort.abort();
  // The next request must not overtake the abort.
  while (worker.scheduler.load.active > 0) await new Promise((resolve) => setImmediate(resolve));
  await untilFirstToken();
  return performance.now() - startedAt;
}

async function untilFirstToken(): Promise<number> {
  const startedAt = performance.now();
  const request = { input: promptInput('Hi'), sampling: { maxTokens: 1, temperature: 0 }, stop: [] };
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.type === 'error') throw event.error;
  }
  return performance.now() - startedAt;
}

async function timePerToken(): Promise<number> {
  const startedAt = performance.now();
  let texts = 0;
  for await (const event of web.generate({ prompt: PROMPT, temperature: 0 })) if (event.type === 'text') texts += 1;
  return (performance.now() - startedAt) / texts;
}

/** Measures the engine's prompt evaluation. */
async function timePerPiece(): Promise<number> {
  const startedAt = performance.now();
  let promptTokens = 0;
  for await (const event of web.generate({ prompt: LONG_PROMPT, temperature: 0, maxTokens: 1 })) {
    if (event.type === 'finish') promptTokens = event.usage?.promptTokens ?? 0;
  }
  return ((performance.now() - startedAt) * PIECE_TOKENS) / promptTokens;
}
