/**
 * Compares the speed of the engines with llama.cpp's own programs, with the same file, greedy, alternating: one stream with
 * llama-bench, eight with llama-server. Needs the binaries of `shoal engine build` in the folder SHOAL_LLAMA_CPP.
 *
 *   SHOAL_LLAMA_CPP=FOLDER node bench/engine-speed.ts [--rounds 5] [--json]
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Engine } from '@shoal/engine';
import { createLlama } from '@shoal/engine-llama';
import { createLlamaServer } from '@shoal/engine/llama-server';
import type { InferenceRequest } from '@shoal/protocol/request';
import { type RandomModel, randomModel } from './models/random-models.ts';
import { benchOptions, type Figure, interleave, median, quotient, report } from './report.ts';

const folder = process.env['SHOAL_LLAMA_CPP'];
if (folder === undefined) throw new TypeError('SHOAL_LLAMA_CPP must name the folder of llama-bench and llama-server.');
const [llamaBench, llamaServer] = [join(folder, 'llama-bench'), join(folder, 'llama-server')];

const STREAMS = 8;
const CONTEXT_TOKENS = 512;
const PROMPT_TOKENS = 16;

const options = benchOptions(5);
const TOKENS = options.size(128, 8);
const MODELS = options.size<readonly RandomModel[]>(
  ['134m-q4_0', '134m-q4_0-128k', '134m-q8_0', '558m-q4_0', '558m-q8_0'],
  ['tiny-f16'],
);
// One table per model: all of them take 15 minutes.
for (const name of MODELS)
  report(`engine-speed ${name}`, [...(await oneStream(name)), ...(await eightStreams(name))], options);

async function oneStream(name: RandomModel): Promise<Figure[]> {
  const model = await randomModel(name);
  const threads = await bestThreads(model);
  // The engine chooses its own number of threads, as it does for a user who sets none.
  const engine = createLlama({ modelPath: model, slots: 1, contextLength: CONTEXT_TOKENS, gpuLayers: 0 });
  try {
    const { llama, reference } = await interleave(
      { rounds: options.rounds, warmUps: 1 },
      { llama: () => streams(engine, 1), reference: () => benched(model, threads) },
    );
    const target = name.endsWith('128k') ? undefined : ({ atLeast: 0.97 } as const);
    return [
      median(`${name}, llama-bench, ${threads} threads`, 'tokens/s', reference),
      median(`${name}, llama`, 'tokens/s', llama),
      quotient(`${name}, llama ÷ llama-bench`, llama, reference, target),
    ];
  } finally {
    await engine.close();
  }
}

async function eightStreams(name: RandomModel): Promise<Figure[]> {
  const model = await randomModel(name);
  const threads = availableParallelism();
  const common = { modelPath: model, threads, slots: STREAMS, contextLength: CONTEXT_TOKENS, gpuLayers: 0 };
  const engines = { llama: createLlama(common), server: createLlamaServer({ ...common, binary: llamaServer }) };
  const raw = await startServer(model, threads);
  try {
    const { llama, server, reference } = await interleave(
      { rounds: options.rounds, warmUps: 1 },
      {
        llama: () => streams(engines.llama, STREAMS),
        server: () => streams(engines.server, STREAMS),
        reference: () => rawStreams(raw.url),
      },
    );
    return [
      median(`${name}, 8 streams, llama-server -np 8`, 'tokens/s', reference),
      quotient(`${name}, 8 streams, llama ÷ llama-server`, llama, reference, { atLeast: 0.9 }),
      quotient(`${name}, 8 streams, llama-server engine ÷ llama-server`, server, reference, { atLeast: 0.97 }),
    ];
  } finally {
    await Promise.all([engines.llama.close(), engines.server.close(), raw.stop()]);
  }
}

/** The thread count with which llama-bench is fastest. */
async function bestThreads(model: string): Promise<number> {
  const counts = Array.from({ length: availableParallelism() }, (_, index) => index + 1);
  let best = { threads: 1, speed: 0 };
  for (const threads of counts) {
    const speed = await benched(model, threads);
    if (speed > best.speed) best = { threads, speed };
  }
  return best.threads;
}

/** Tokens per second as llama-bench reports them. */
async function benched(model: string, threads: number): Promise<number> {
  const order = [
    '-m',
    model,
    '-p',
    '0',
    '-n',
    String(TOKENS),
    '-r',
    '1',
    '-t',
    String(threads),
    '-ngl',
    '0',
    '-o',
    'json',
  ];
  const { stdout } = await promisify(execFile)(llamaBench, order);
  const [result] = JSON.parse(stdout) as [{ avg_ts: number }];
  return result.avg_ts;
}

/** Tokens per second of several concurrent answers, prompts included. */
async function streams(engine: Engine, count: number): Promise<number> {
  return speedOf(Array.from({ length: count }, (_, index) => () => answer(engine, promptOf(index))));
}

async function speedOf(asks: readonly (() => Promise<number>)[]): Promise<number> {
  const startedAt = performance.now();
  const tokens = await Promise.all(asks.map((ask) => ask()));
  const total = tokens.reduce((sum, each) => sum + each, 0);
  // Random weights sometimes end an answer early.
  if (total < 0.8 * asks.length * TOKENS) throw new Error(`There were ${total} tokens.`);
  return total / ((performance.now() - startedAt) / 1_000);
}

async function answer(engine: Engine, tokens: readonly number[]): Promise<number> {
  const request: InferenceRequest = {
    input: { type: 'tokens', tokens },
    sampling: { maxTokens: TOKENS, temperature: 0 },
    stop: [],
  };
  let count = 0;
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.type === 'error') throw event.error;
    if (event.type === 'finish') count = event.usage?.completionTokens ?? 0;
  }
  return count;
}

/** A different prompt each time, so that no part of it is cached. */
function promptOf(stream: number): number[] {
  const first = Math.floor(Math.random() * 20_000);
  return Array.from({ length: PROMPT_TOKENS }, (_, index) => first + stream * PROMPT_TOKENS + index);
}

async function startServer(model: string, threads: number): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const context = String(CONTEXT_TOKENS * STREAMS);
  const args = ['-m', model, '-np', String(STREAMS), '-c', context, '-t', String(threads), '-ngl', '0'];
  const child = spawn(llamaServer, [...args, '--host', '127.0.0.1', '--port', String(port), '--no-webui'], {
    stdio: 'ignore',
  });
  for (;;) {
    // Refused until the server listens.
    const health = await fetch(`${url}/health`).catch(() => undefined);
    if (health?.ok === true) break;
    const end = child.exitCode ?? child.signalCode;
    if (end !== null) throw new Error(`llama-server ended with ${end} before it was ready.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const stop = () =>
    new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.kill();
    });
  return { url, stop };
}

/** A port that was free a moment ago: llama-server does not print the port that it picks itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function rawStreams(url: string): Promise<number> {
  return speedOf(Array.from({ length: STREAMS }, (_, index) => () => rawAnswer(url, promptOf(index))));
}

async function rawAnswer(url: string, prompt: readonly number[]): Promise<number> {
  const question = { prompt, n_predict: TOKENS, temperature: 0, ignore_eos: true, stream: true };
  const response = await fetch(`${url}/completion`, { method: 'POST', body: JSON.stringify(question) });
  const text = await response.text();
  return text.split('\n').filter((line) => line.startsWith('data: ') && line.includes('"stop":false')).length;
}
