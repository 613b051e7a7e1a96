import type { Sampling } from '@shoal/protocol';

/** The largest 32-bit number asks llama.cpp for a random seed. */
const SEED_VALUES = 2 ** 32 - 1;

/** In llama-server's words; what is absent is the model file's recommendation or llama-server's default. */
export function samplingInWords(sampling: Sampling): object {
  const { temperature, topP, topK, minP, repeatPenalty, presencePenalty, frequencyPenalty, logitBias, seed } = sampling;
  return {
    temperature,
    top_p: topP,
    top_k: topK,
    min_p: minP,
    repeat_penalty: repeatPenalty,
    presence_penalty: presencePenalty,
    frequency_penalty: frequencyPenalty,
    logit_bias: logitBias,
    seed: seed === undefined ? undefined : Math.abs(seed) % SEED_VALUES,
  };
}
