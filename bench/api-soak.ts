/**
 * An hour of mixed load at 50 requests a second: whole and streamed answers of all APIs, lists of models, and clients that
 * leave in the middle of an answer. Every answer is checked. Each round is a minute, and memory is measured after each,
 * with garbage collection.
 *
 *   node bench/api-soak.ts [--rounds 60] [--json]     or     npm run soak:api
 */
import { setTimeout as wait } from 'node:timers/promises';
import { TestNetwork } from '../test/harness/test-network.ts';
import { memoryOf } from './api/memory.ts';
import { mixedCalls } from './api/mixed-calls.ts';
import { startEchoNode } from './api/start.ts';
import { benchOptions, type Figure, report } from './report.ts';

const REQUESTS_PER_SECOND = 50;
/** The speed of a small model. */
const TOKENS_PER_SECOND = 100;
const SLOTS = 64;
const MIB = 1_024 ** 2;
const MINUTES_PER_HOUR = 60;

const options = benchOptions(60);
const ROUND_MS = options.size(60_000, 500);
/** Not measured: caches, compiled code and the young generation of the heap grow in this time. */
const WARM_UP_MS = options.size(120_000, 0);
const network = await TestNetwork.open();
const failures: string[] = [];
let sent = 0;
try {
  const node = await startEchoNode(network, SLOTS, TOKENS_PER_SECOND);
  const calls = mixedCalls(node.url);
  await load(calls, WARM_UP_MS);
  const [heap, resident] = [[] as number[], [] as number[]];
  for (let round = 0; round <= options.rounds; round++) {
    if (round > 0) await load(calls, ROUND_MS);
    const { heapBytes, residentBytes } = await memoryOf(node.program);
    heap.push(heapBytes / MIB);
    resident.push(residentBytes / MIB);
    if (!options.json) {
      console.error(
        `${round} min: ${heap.at(-1)?.toFixed(1)} and ${resident.at(-1)?.toFixed(1)} MiB, ${sent} requests`,
      );
    }
  }
  for (const failure of new Set(failures)) console.error(failure);
  report('api-soak', [errors(), growth('heap and buffers', heap, 8), growth('resident memory', resident)], options);
} finally {
  await network.close();
}

/** Sends calls at a steady pace, whether or not earlier ones are answered, and waits for the last answer. */
async function load(calls: readonly (() => Promise<void>)[], durationMs: number): Promise<void> {
  const startedAt = performance.now();
  const running = new Set<Promise<void>>();
  for (let index = 0; (index * 1_000) / REQUESTS_PER_SECOND < durationMs; index++) {
    const dueInMs = startedAt + (index * 1_000) / REQUESTS_PER_SECOND - performance.now();
    if (dueInMs > 0) await wait(dueInMs);
    const call = calls[sent % calls.length];
    sent += 1;
    const run = (call?.() ?? Promise.resolve())
      .catch((error: unknown) => void failures.push(String(error)))
      .finally(() => running.delete(run));
    running.add(run);
  }
  await Promise.all(running);
}

function errors(): Figure {
  const value = failures.length;
  return { what: 'errors', unit: `of ${sent}`, value, low: value, high: value, samples: sent, target: { atMost: 0 } };
}

/** The slope of the line with the least squares, and the range of the samples. */
function growth(what: string, samples: readonly number[], atMost?: number): Figure {
  const [first = Number.NaN] = samples;
  const value = slope(samples) * MINUTES_PER_HOUR * (60_000 / ROUND_MS);
  const range = { low: Math.min(...samples) - first, high: Math.max(...samples) - first, samples: samples.length };
  const target = atMost === undefined ? undefined : { atMost };
  return { what: `growth of ${what}, from ${first.toFixed(0)} MiB`, unit: 'MiB an hour', value, ...range, target };
}

function slope(samples: readonly number[]): number {
  const middle = (samples.length - 1) / 2;
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  let [above, below] = [0, 0];
  for (const [index, sample] of samples.entries()) {
    above += (index - middle) * (sample - mean);
    below += (index - middle) ** 2;
  }
  return above / below;
}
