import type { Engine } from '@shoal/engine';
import { promptInput } from '@shoal/protocol/request';

/** Turns of each engine. The result is their median. */
const ROUNDS = 3;
const ANSWER_TOKENS = 64;
/** Time limit of a turn. The tokens up to then count. */
const TURN_LIMIT_MS = 30_000;
const WARM_UP_TOKENS = 4;
/** Answers per slot in a turn, if a model ends them early. */
const ANSWERS_MAX = 4;
const PROMPT = 'Count to 100.';

/**
 * Returns the tokens per second of each engine with `slots` answers at once. The engines take turns, because the speed of a
 * machine changes; the result is the median. Throws the error of an engine.
 */
export async function compareEngines(
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

/** Returns the number of generated tokens. */
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
