/**
 * Sends 10,000 short requests in a row through the llama engine and measures the memory of this process and of the model's
 * process after each 1,000. Both must not grow after the first 1,000.
 *
 *   node bench/many-requests.ts [--rounds 10] [--json]
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLlama } from '@shoal/engine-llama';
import { promptInput } from '@shoal/protocol/request';
import { benchOptions, type Figure, report } from './report.ts';

const MIB = 1024 ** 2;
const MODEL = join(import.meta.dirname, '../models/demo/shoal-demo.gguf');

const options = benchOptions(10);
const REQUESTS_A_ROUND = options.size(1_000, 10);
let childId = 0;
const log = (_: string, text: string) => {
  childId = Number(/in process (\d+)/.exec(text)?.[1] ?? childId);
};
const engine = createLlama({ modelPath: MODEL, slots: 2, threads: 1, gpuLayers: 0, log });
await engine.models();
const [here, child]: [number[], number[]] = [[], []];
for (let round = 0; round < options.rounds; round++) {
  for (let index = 0; index < REQUESTS_A_ROUND; index++) await ask(`What is ${index % 10}+${round}?`);
  globalThis.gc?.();
  here.push(process.memoryUsage.rss() / MIB);
  child.push((await residentBytes(childId)) / MIB);
  if (!options.json)
    console.error(`${(round + 1) * REQUESTS_A_ROUND}: ${here.at(-1)?.toFixed(1)} and ${child.at(-1)?.toFixed(1)} MiB`);
}
await engine.close();
report('many-requests', [growth('this process', here), growth('the model’s process', child)], options);

async function ask(prompt: string): Promise<void> {
  const request = { input: promptInput(prompt), sampling: { maxTokens: 4 }, stop: [] };
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.type === 'error') throw event.error;
  }
}

/** Growth from the end of the first round to the end of the last. */
function growth(whose: string, samples: readonly number[]): Figure {
  const [first = Number.NaN] = samples;
  const value = (samples.at(-1) ?? Number.NaN) - first;
  const what = `${whose}, from ${first.toFixed(0)} MiB, grew by`;
  return {
    what,
    unit: 'MiB',
    value,
    low: Math.min(...samples) - first,
    high: Math.max(...samples) - first,
    samples: samples.length,
  };
}

async function residentBytes(processId: number): Promise<number> {
  const status = await readFile(`/proc/${processId}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}
