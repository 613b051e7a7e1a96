import type { Engine } from '@shoal/engine';
import { promptInput } from '@shoal/protocol';

/** Each engine has so many turns; its figure is their median. */
const ROUNDS = 3;
const ANSWER_TOKENS = 64;
/** A turn that takes longer is over, with as many tokens as it got. */
const TURN_LIMIT_MS = 30_000;
const WARM_UP_TOKENS = 4;
/** Models that end early are asked again, at most so often, until a turn has its tokens. */
const ANSWERS_MAX = 4;
const PROMPT = 'Count to 100.';

/**
 * Tokens a second of each engine, in their order, with so many answers at once: the medians of turns that alternate, because a
 * machine changes its speed. Throws what an engine fails with.
 */
export async function sideBySide(
  engines: readonly Engine[],
  slots: number,
  signal: AbortSignal,
  onTurn: (engine: Engine, round: number, rounds: number) => void,
): Promise<readonly number[]> {
  for (const engine of engines) await answers(engine, slots, WARM_UP_TOKENS, signal);
  const rates = engines.map((): number[] => []);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [index, engine] of engines.entries()) {
      onTurn(engine, round, ROUNDS);
      rates[index]?.push(await turn(engine, slots, signal));
    }
  }
  return rates.map(median);
}

async function turn(engine: Engine, slots: number, signal: AbortSignal): Promise<number> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TURN_LIMIT_MS)]);
  const startedAt = performance.now();
  let tokens = 0;
  for (let count = 0; count < ANSWERS_MAX && tokens < slots * ANSWER_TOKENS && !limit.aborted; count++) {
    tokens += await answers(engine, slots, ANSWER_TOKENS, limit);
  }
  signal.throwIfAborted();
  return tokens / ((performance.now() - startedAt) / 1_000);
}

async function answers(engine: Engine, slots: number, maxTokens: number, signal: AbortSignal): Promise<number> {
  const counts = await Promise.all(Array.from({ length: slots }, () => answer(engine, maxTokens, signal)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** How many tokens came. */
async function answer(engine: Engine, maxTokens: number, signal: AbortSignal): Promise<number> {
  const request = { input: promptInput(PROMPT), sampling: { temperature: 0, maxTokens }, stop: [] };
  let tokens = 0;
  for await (const event of engine.generate(request, signal)) {
    if (event.type === 'text') tokens += event.tokens.length;
    if (event.type === 'error') throw event.error;
  }
  return tokens;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;
}
