import { ShoalError } from '../error.ts';
import type { SampledLogprob, TokenLogprob } from '../event.ts';
import type { Fields } from '../fields.ts';
import { MAX_LOGPROBS } from '../request-fields/index.ts';
import { MAX_TOKENS } from '../sampling.ts';

/** Tokens with log probabilities in one chunk. Each has up to `MAX_LOGPROBS` alternatives, and a chunk must fit a message. */
export const LOGPROBS_OF_CHUNK_MAX = 32;

/** Stands for the logarithm of 0, which JSON cannot represent. */
const LEAST_LOGPROB = -Number.MAX_VALUE;

/** Returns log probabilities with OpenAI's field names. */
export function logprobsField(logprobs: readonly SampledLogprob[]): readonly object[] {
  return logprobs.map((sampled) => ({ ...tokenFields(sampled), top_logprobs: sampled.top.map(tokenFields) }));
}

/** Reads one log probability per token, if the chunk has token ids. Undefined if the chunk has none. */
export function readLogprobs(fields: Fields, tokens: readonly number[]): readonly SampledLogprob[] | undefined {
  const hasTokens = tokens.length > 0;
  const logprobs = fields.objects('logprobs', hasTokens ? tokens.length : LOGPROBS_OF_CHUNK_MAX)?.map(readSampled);
  if (logprobs === undefined || !hasTokens || logprobs.length === tokens.length) return logprobs;
  throw ShoalError.badMessage('inference_chunk must have as many "logprobs" as "tokens".');
}

function tokenFields({ token, text, logprob }: TokenLogprob): object {
  return { id: token, token: text, logprob: Math.max(Math.min(logprob, 0), LEAST_LOGPROB) };
}

function readSampled(fields: Fields): SampledLogprob {
  return { ...readToken(fields), top: (fields.objects('top_logprobs', MAX_LOGPROBS) ?? []).map(readToken) };
}

function readToken(fields: Fields): TokenLogprob {
  const token = fields.integer('id', 0, MAX_TOKENS);
  return {
    ...(token !== undefined && { token }),
    text: fields.required('token', fields.string('token')),
    logprob: fields.required('logprob', fields.number('logprob', LEAST_LOGPROB, 0)),
  };
}
