import type { Fields } from '../fields.ts';
import type { Sampling } from '../request.ts';

/** The largest count of tokens, and the largest token id. */
export const MAX_TOKENS = 0x7fff_ffff;
export const MAX_TEMPERATURE = 10;
/** Seeds beyond this are not exact as JSON numbers. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER;
/** Logits are divided by it, so that it may not be 0. */
export const LEAST_REPEAT_PENALTY = 0.01;
export const MAX_REPEAT_PENALTY = 10;
/** Of presence and frequency, either way. */
export const MAX_PENALTY = 10;
/** Tokens whose logits are changed. */
export const MAX_LOGIT_BIASES = 1024;
/** Either way; so much forbids a token, or makes it the only one. */
export const MAX_LOGIT_BIAS = 100;

type LogitBias = NonNullable<Sampling['logitBias']>;

export function readSampling(fields: Fields): Sampling {
  const sampling = {
    maxTokens: fields.integer('max_tokens', 1, MAX_TOKENS),
    temperature: fields.number('temperature', 0, MAX_TEMPERATURE),
    topP: fields.number('top_p', 0, 1),
    topK: fields.integer('top_k', 0, MAX_TOKENS),
    minP: fields.number('min_p', 0, 1),
    repeatPenalty: fields.number('repeat_penalty', LEAST_REPEAT_PENALTY, MAX_REPEAT_PENALTY),
    presencePenalty: fields.number('presence_penalty', -MAX_PENALTY, MAX_PENALTY),
    frequencyPenalty: fields.number('frequency_penalty', -MAX_PENALTY, MAX_PENALTY),
    logitBias: readLogitBias(fields),
    seed: fields.integer('seed', 0, MAX_SEED),
  };
  return Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined));
}

export function samplingFields(sampling: Sampling): object {
  const { logitBias } = sampling;
  return {
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    repeat_penalty: sampling.repeatPenalty,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    logit_bias: logitBias?.length === 0 ? undefined : logitBias,
    seed: sampling.seed,
  };
}

function readLogitBias(fields: Fields): LogitBias | undefined {
  const value = fields.value('logit_bias');
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length > MAX_LOGIT_BIASES || !value.every(isBias)) {
    throw fields.mustBe(
      'logit_bias',
      `at most ${MAX_LOGIT_BIASES} pairs of a token id and a number from ${-MAX_LOGIT_BIAS} to ${MAX_LOGIT_BIAS}`,
    );
  }
  return value.length === 0 ? undefined : value;
}

function isBias(value: unknown): value is [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [token, bias]: unknown[] = value;
  if (typeof token !== 'number' || typeof bias !== 'number') return false;
  return Number.isInteger(token) && token >= 0 && token <= MAX_TOKENS && Math.abs(bias) <= MAX_LOGIT_BIAS;
}
