/**
 * Measures how well the number of threads follows the load: tokens per second while the machine is quiet, while another
 * process uses one core, and after it has ended, compared with the best fixed number of threads in each phase.
 *
 *   node bench/threads.ts [--rounds 2] [--json]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Engine } from '@shoal/engine';
import { createLlama } from '@shoal/engine-llama';
import { promptInput } from '@shoal/protocol/request';
import { type RandomModel, randomModel } from './models/random-models.ts';
import { benchOptions, interleave, median, quotient, report } from './report.ts';

const options = benchOptions(2);
const MODEL: RandomModel = options.size('134m-q4_0', 'tiny-q4_0');
const PHASES = {
  quiet: options.size(10_000, 200),
  loaded: options.size(20_000, 200),
  'quiet again': options.size(20_000, 200),
} as const;
const LOADED = 'loaded';
const CONTEXT_TOKENS = 4_096;

type Phase = keyof typeof PHASES;

const modelPath = await randomModel(MODEL);
const counts = Array.from({ length: availableParallelism() }, (_, index) => index + 1);
const ways = new Map<string, number | undefined>([['auto', undefined]]);
for (const count of counts) ways.set(`${count} threads`, count);
const rates: Record<Phase, Record<string, number[]>> = { quiet: {}, loaded: {}, 'quiet again': {} };

await interleave(
  { rounds: options.rounds, warmUps: 0 },
  Object.fromEntries([...ways].map(([way, threads]) => [way, () => measure(way, threads)])),
);
const figures = Object.entries(rates).flatMap(([phase, byWay]) => {
  const fixed = counts.map((count) => byWay[`${count} threads`] ?? []);
  const best = (byWay['auto'] ?? []).map((_, round) => Math.max(...fixed.map((samples) => samples[round] ?? 0)));
  return [
    median(`${phase}: best fixed number of threads`, 'tokens/s', best),
    quotient(`${phase}: auto ÷ best`, byWay['auto'] ?? [], best, { atLeast: 0.9 }),
  ];
});
report('threads', figures, options);

/** Runs all phases with one engine. Returns the tokens per second of all of them together. */
async function measure(way: string, threads: number | undefined): Promise<number> {
  const engine = createLlama({ modelPath, threads, slots: 1, gpuLayers: 0, contextLength: CONTEXT_TOKENS });
  try {
    await engine.models();
    let tokens = 0;
    for (const phase of Object.keys(PHASES) as Phase[]) {
      const stop = phase === LOADED ? await loadOneCore() : undefined;
      const count = await generateFor(engine, PHASES[phase]);
      stop?.();
      tokens += count;
      (rates[phase][way] ??= []).push((count / PHASES[phase]) * 1_000);
    }
    return tokens;
  } finally {
    await engine.close();
  }
}

/** Returns the number of tokens that are generated in this time. */
async function generateFor(engine: Engine, ms: number): Promise<number> {
  const signal = AbortSignal.timeout(ms);
  let tokens = 0;
  while (!signal.aborted) {
    const request = { input: promptInput('Go on.'), sampling: { maxTokens: CONTEXT_TOKENS / 2 }, stop: [] };
    for await (const event of engine.generate(request, signal)) {
      if (event.type === 'error') throw event.error;
      if (event.type === 'text') tokens += event.tokens.length;
    }
  }
  return tokens;
}

/** Keeps one core busy in another process. Returns what ends it. */
async function loadOneCore(): Promise<() => void> {
  const child = fork(fileURLToPath(new URL('busy-core.ts', import.meta.url)), { execArgv: [] });
  await once(child, 'message');
  return () => child.kill('SIGKILL');
}
