/**
 * Compares the predicted memory of a model with the real growth of its process after one prompt and answer. On a processor,
 * weights that llama.cpp rearranges count twice, because the file's own pages stay mapped.
 *
 *   node bench/memory.ts [--json]
 */
import { createLlama } from '@shoal/engine-llama';
import { inspectModel, predictMemory } from '@shoal/models';
import { type RandomModel, randomModel } from './models/random-models.ts';
import { benchOptions, type Figure, report } from './report.ts';

const MIB = 1024 ** 2;
const CONTEXT_TOKENS = 2_048;
const PROMPT_TOKENS = 400;
const SLOTS = [1, 4];

const options = benchOptions(1);
const MODELS = options.size<readonly RandomModel[]>(
  ['134m-q4_0', '134m-q8_0', '558m-q4_0', '558m-q8_0'],
  ['tiny-q4_0'],
);
const figures: Figure[] = [];
for (const name of MODELS) {
  const modelPath = await randomModel(name);
  const about = await inspectModel([modelPath]);
  for (const slots of SLOTS) {
    const { totalBytes, reclaimableBytes } = predictMemory(about, { contextLength: CONTEXT_TOKENS, slots });
    const predicted = (totalBytes + reclaimableBytes) / MIB;
    const real = (await measure(modelPath, slots)) / MIB;
    const value = predicted / real;
    const what = `${name}, ${slots} × ${CONTEXT_TOKENS} tokens: ${predicted.toFixed(0)} ÷ ${real.toFixed(0)} MiB`;
    const target = value < 1 ? ({ atLeast: 0.9 } as const) : ({ atMost: 1.15 } as const);
    figures.push({ what, unit: '', value, low: value, high: value, samples: 1, target });
  }
}
report('memory', figures, options);

async function measure(modelPath: string, slots: number): Promise<number> {
  const engine = createLlama({ modelPath, slots, contextLength: CONTEXT_TOKENS, gpuLayers: 0, threads: 1 });
  try {
    const tokens = Array.from({ length: PROMPT_TOKENS }, (_, index) => index);
    const request = { input: { type: 'tokens', tokens }, sampling: { maxTokens: 4 }, stop: [] } as const;
    for await (const event of engine.generate(request, new AbortController().signal)) {
      if (event.type === 'error') throw event.error;
    }
    const [resident] = (await engine.resident?.()) ?? [];
    return resident?.memoryBytes ?? Number.NaN;
  } finally {
    await engine.close();
  }
}
