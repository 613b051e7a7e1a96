import { MAX_TOKENS, type Sampling } from '@shoal/protocol';
import type { InferenceRequest, Input } from '@shoal/protocol/request';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { BodyFields } from '../../body-fields.ts';
import type { Call } from '../../call.ts';
import { readCallOptions, refuseUnsupported } from '../call-options.ts';
import { readFormat, readStop } from '../options.ts';
import { readSampling } from '../sampling.ts';
import { writeResponse } from './response.ts';
import { CompletionStreamWriter } from './stream-writer.ts';

/** Tokens of an answer if the request does not limit it, as OpenAI documents it. */
const DEFAULT_MAX_TOKENS = 16;
/** The largest number of alternatives that this API lists with each token. */
const MAX_COMPLETION_LOGPROBS = 5;

/** Fields that may only have values that change nothing. */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = { suffix: [''], tools: [[]] };

type PromptInput = Extract<Input, { type: 'text' | 'tokens' }>;

/**
 * Reads a call of `completions` (https://platform.openai.com/docs/api-reference/completions/create). Unknown fields are
 * accepted. Throws `INVALID_REQUEST` that names the field, also for one that would change the answer and is not supported.
 */
export function readCompletion(body: JsonObject): Call {
  const fields = BodyFields.lenient(body);
  const { includesUsage, ...options } = readCallOptions(fields);
  const input = readPrompt(fields);
  const format = readFormat(fields);
  const logprobs = fields.integer('logprobs', 0, MAX_COMPLETION_LOGPROBS);
  const request: InferenceRequest = {
    input,
    sampling: readLimitedSampling(fields),
    stop: readStop(fields),
    ...(format !== undefined && { format }),
    ...(logprobs !== undefined && { logprobs }),
  };
  // The best of as many answers as are returned is each of them.
  fields.integer('best_of', 1, options.count);
  refuseUnsupported(fields, UNSUPPORTED);
  const echo = readEcho(fields, request);
  return {
    ...options,
    request,
    write: (answers, context) => writeResponse(answers, context, echo),
    stream: (context) => new CompletionStreamWriter(context, includesUsage, echo),
  };
}

function readLimitedSampling(body: BodyFields): Sampling {
  return { maxTokens: DEFAULT_MAX_TOKENS, ...readSampling(body) };
}

/** Returns the text before the answer: the prompt if it is to be repeated, and else an empty text. */
function readEcho(body: BodyFields, { input, logprobs }: InferenceRequest): string {
  if (body.boolean('echo') !== true) return '';
  if (input.type !== 'text') throw ShoalError.invalidRequest('"echo" needs a prompt that is a text.');
  if (logprobs === undefined) return input.text;
  throw ShoalError.invalidRequest('"echo" cannot be combined with "logprobs"; leave one of them out.');
}

/** A text, a list of token ids, or a list with one of these. */
function readPrompt(body: BodyFields): PromptInput {
  const prompt = body.required('prompt', body.read('prompt'));
  const input = promptIn(prompt) ?? (Array.isArray(prompt) && prompt.length === 1 ? promptIn(prompt[0]) : undefined);
  if (input !== undefined) return input;
  throw ShoalError.invalidRequest(
    Array.isArray(prompt) && prompt.length > 1 && prompt.every((one) => promptIn(one) !== undefined)
      ? `"prompt" has ${prompt.length} prompts. Send one request for each.`
      : '"prompt" must be a text or a list of token ids.',
  );
}

function promptIn(value: unknown): PromptInput | undefined {
  if (typeof value === 'string') return { type: 'text', text: value };
  return isTokens(value) ? { type: 'tokens', tokens: value } : undefined;
}

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every(isToken);
}

function isToken(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_TOKENS;
}
