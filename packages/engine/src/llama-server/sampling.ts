import type { Sampling } from '@shoal/protocol';

/** llama.cpp takes the largest 32-bit number for a random seed. */
const SEED_VALUES = 2 ** 32 - 1;

/** Fields of `POST /completion`. Default of an absent field: the model file's recommendation, else llama-server's own. */
export function writeSampling(sampling: Sampling): object {
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
