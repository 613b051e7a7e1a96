import { ShoalError } from '../error.ts';
import type { SampledLogprob, TokenLogprob } from '../event.ts';
import type { Fields } from '../fields.ts';
import { MAX_LOGPROBS } from '../request-fields/index.ts';
import { MAX_TOKENS } from '../sampling.ts';

/** Tokens of one chunk that come with probabilities: each brings up to `MAX_LOGPROBS` others, and a chunk must fit a message. */
export const LOGPROBS_OF_CHUNK_MAX = 32;

/** The least that is told: JSON has no word for the logarithm of 0. */
const LEAST_LOGPROB = -Number.MAX_VALUE;

/** OpenAI's names. */
export function logprobsField(logprobs: readonly SampledLogprob[]): readonly object[] {
  return logprobs.map((chosen) => ({ ...tokenFields(chosen), top_logprobs: chosen.top.map(tokenFields) }));
}

/** One for each of the chunk's tokens, as far as it tells those; undefined where the chunk has none. */
export function readLogprobs(fields: Fields, tokens: readonly number[]): readonly SampledLogprob[] | undefined {
  const isTold = tokens.length > 0;
  const logprobs = fields.objects('logprobs', isTold ? tokens.length : LOGPROBS_OF_CHUNK_MAX)?.map(readChosen);
  if (logprobs === undefined || !isTold || logprobs.length === tokens.length) return logprobs;
  throw ShoalError.badMessage('inference_chunk must have as many "logprobs" as "tokens".');
}

function tokenFields({ token, text, logprob }: TokenLogprob): object {
  return { id: token, token: text, logprob: Math.max(Math.min(logprob, 0), LEAST_LOGPROB) };
}

function readChosen(fields: Fields): SampledLogprob {
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
