import type { NativeContext } from './native/context.ts';

const TRIAL_TOKENS = 16;
/** Tokens that are decoded before the measurement. */
const WARM_UP_TOKENS = 2;
/** A trial that takes longer ends with the tokens that it has decoded. */
const TRIAL_LIMIT_MS = 500;
const TRIAL_TOKEN = 0;
const TRIAL_SEQUENCE = 0;

/** Returns the thread counts to try, the most likely first. */
export function threadCandidates(cores: number): number[] {
  const candidates = [cores - 1, Math.ceil(cores / 2), cores, Math.ceil(cores / 4)];
  return [...new Set(candidates.map((count) => Math.max(1, count)))];
}

/**
 * Sets the thread count that decodes the model fastest on this machine now. It must be measured: if other work takes a core,
 * one spinning thread too many makes decoding a hundred times slower.
 */
export function measureThreads(context: NativeContext, cores: number): void {
  let best = { threads: Math.max(1, cores - 1), msPerToken: Infinity };
  for (const threads of threadCandidates(cores)) {
    context.threads = threads;
    const msPerToken = timeDecoding(context, Math.min(TRIAL_LIMIT_MS, best.msPerToken * TRIAL_TOKENS));
    if (msPerToken < best.msPerToken) best = { threads, msPerToken };
  }
  context.threads = best.threads;
}

/** Decodes one token, which loads all weights into memory. Returns false if llama.cpp fails. */
export function warmUp(context: NativeContext): boolean {
  const isWarm = decodeOne(context, 0);
  context.forget(TRIAL_SEQUENCE, 0);
  return isWarm;
}

/** Returns the milliseconds per token. Ends after `limitMs`. */
function timeDecoding(context: NativeContext, limitMs: number): number {
  let began = performance.now();
  let count = -WARM_UP_TOKENS;
  try {
    for (let position = 0; count < TRIAL_TOKENS; position++) {
      if (!decodeOne(context, position)) return Infinity;
      count++;
      const now = performance.now();
      if (count === 0 && now - began < limitMs) began = now;
      else if (now - began > limitMs) break;
    }
    return (performance.now() - began) / Math.max(1, count);
  } finally {
    context.forget(TRIAL_SEQUENCE, 0);
  }
}

function decodeOne(context: NativeContext, position: number): boolean {
  context.add(TRIAL_SEQUENCE, position, [TRIAL_TOKEN], 'last');
  return context.decode();
}
