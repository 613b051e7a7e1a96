/**
 * Measures the cost of a conversation's history: the time to the first token of the second turn, whose history has about
 * 1,500 tokens, compared with the first turn, which had to read them.
 *
 *   node bench/second-turn.ts [--rounds 7] [--json]
 */
import type { Engine } from '@shoal/engine';
import { createLlama } from '@shoal/engine-llama';
import type { Message } from '@shoal/protocol/request';
import { type RandomModel, randomModel } from './models/random-models.ts';
import { benchOptions, median, quotient, report } from './report.ts';

const ANSWER_TOKENS = 16;

const options = benchOptions(7);
const MODELS = options.size<readonly RandomModel[]>(['134m-q4_0', '558m-q8_0'], ['tiny-q4_0']);
const HISTORY_WORDS = options.size(700, 50);
const figures = [];
for (const name of MODELS) {
  const engine = createLlama({ modelPath: await randomModel(name), slots: 2, contextLength: 4096, gpuLayers: 0 });
  try {
    await engine.models();
    const [first, second]: [number[], number[]] = [[], []];
    let promptTokens = 0;
    for (let round = 0; round < options.rounds; round++) {
      const history: Message[] = [{ role: 'user', content: words(round) }];
      const one = await turn(engine, history);
      history.push({ role: 'assistant', content: one.text }, { role: 'user', content: 'And now?' });
      const other = await turn(engine, history);
      ({ promptTokens } = one);
      first.push(one.firstTokenMs);
      second.push(other.firstTokenMs);
    }
    figures.push(
      median(`${name}, first turn of ${promptTokens} tokens`, 'ms', first),
      median(`${name}, second turn`, 'ms', second),
      quotient(`${name}, second ÷ first`, second, first, { atMost: 0.1 }),
    );
  } finally {
    await engine.close();
  }
}
report('second-turn', figures, options);

async function turn(engine: Engine, messages: readonly Message[]) {
  const startedAt = performance.now();
  let firstTokenMs = Number.NaN;
  let text = '';
  const request = {
    input: { type: 'messages', messages },
    sampling: { maxTokens: ANSWER_TOKENS, temperature: 0 },
    stop: [],
  } as const;
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.type === 'error') throw event.error;
    if (event.type === 'text') {
      if (text === '') firstTokenMs = performance.now() - startedAt;
      text += event.text;
    }
    if (event.type === 'finish') return { text, firstTokenMs, promptTokens: event.usage?.promptTokens ?? 0 };
  }
  throw new Error('The answer had no end.');
}

/** Different words in each round, so that no part of them is cached. */
function words(round: number): string {
  return Array.from({ length: HISTORY_WORDS }, (_, index) =>
    ((index * 7919 + round * 104_729) % 99_991).toString(36),
  ).join(' ');
}
