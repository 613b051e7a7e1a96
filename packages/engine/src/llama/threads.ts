import type { LlamaModel, Token } from 'node-llama-cpp';

const TRIAL_TOKENS = 16;
/** Decoded before the clock starts. */
const WARM_UP_TOKENS = 2;
/** A trial that takes longer is over, with as many tokens as it got. */
const TRIAL_LIMIT_MS = 500;
const TRIAL_CONTEXT_TOKENS = 64;

/** The thread counts that are worth a trial on so many cores, the likeliest first. */
export function threadCandidates(cores: number): number[] {
  const candidates = [cores - 1, Math.ceil(cores / 2), cores, Math.ceil(cores / 4)];
  return [...new Set(candidates.map((count) => Math.max(1, count)))];
}

/**
 * The thread count that decodes this model fastest on this machine now. It has to be tried out: where other work takes a
 * core, one spinning thread too many makes decoding a hundred times slower.
 */
export async function measureThreads(model: LlamaModel, cores: number): Promise<number> {
  let best = { threads: Math.max(1, cores - 1), msPerToken: Infinity };
  for (const threads of threadCandidates(cores)) {
    const msPerToken = await decodeSome(model, threads, Math.min(TRIAL_LIMIT_MS, best.msPerToken * TRIAL_TOKENS));
    if (msPerToken < best.msPerToken) best = { threads, msPerToken };
  }
  return best.threads;
}

/** Milliseconds a token; given up after `limitMs`. */
async function decodeSome(model: LlamaModel, threads: number, limitMs: number): Promise<number> {
  const context = await model.createContext({ contextSize: TRIAL_CONTEXT_TOKENS, sequences: 1, threads });
  try {
    const [first] = model.iterateAllTokens();
    if (first === undefined) return Infinity;
    const tokens = context.getSequence().evaluate([first] satisfies Token[], { temperature: 0, yieldEogToken: true });
    let began = performance.now();
    let count = -WARM_UP_TOKENS;
    for await (const _ of tokens) {
      count++;
      const now = performance.now();
      if (count === 0 && now - began < limitMs) began = now;
      else if (count === TRIAL_TOKENS || now - began > limitMs) break;
    }
    return (performance.now() - began) / Math.max(1, count);
  } finally {
    await context.dispose();
  }
}
