import type { Fields } from '../fields.ts';
import type { InferenceRequest, Resume } from '../request.ts';
import { readAnswerFormat } from './answer-format.ts';
import { MAX_TOKENS } from '../sampling.ts';
import { readToolChoice, readTools } from './tools.ts';

/** Texts of one request for embeddings. A request with more is refused. */
export const MAX_EMBED_TEXTS = 2048;
/** Stop strings of one request. A request with more is refused. */
export const MAX_STOP_STRINGS = 16;
/** The largest number of alternatives that are listed with each token. */
export const MAX_LOGPROBS = 20;
/** The longest deadline of a request. A longer one is refused. */
export const MAX_DEADLINE_MS = 24 * 60 * 60 * 1000;
/** The longest time that a model stays in memory after an answer. A longer one is refused; a negative one has no limit. */
export const MAX_KEEP_ALIVE_MS = Number.MAX_SAFE_INTEGER;

/** Everything in a request except its input and its sampling. */
export type RequestOptions = Omit<InferenceRequest, 'input' | 'sampling'>;

/** Reads the options of a request. `anyJson` is the type of a format that stands for any JSON object. */
export function readOptions(fields: Fields, anyJson: string): RequestOptions {
  const options: Omit<RequestOptions, 'stop'> = {
    model: fields.string('model') || undefined,
    tools: readTools(fields),
    toolChoice: readToolChoice(fields),
    parallelToolCalls: fields.boolean('parallelToolCalls'),
    format: readAnswerFormat(fields, anyJson),
    logprobs: fields.integer('logprobs', 0, MAX_LOGPROBS),
    reasoning: fields.boolean('reasoning'),
    contextLength: fields.integer('contextLength', 1, MAX_TOKENS),
    keepAliveMs: fields.integer('keepAliveMs', -1, MAX_KEEP_ALIVE_MS),
    countOnly: fields.boolean('countOnly'),
    resume: readResume(fields.object('resume')),
    deadlineMs: fields.integer('deadlineMs', 1, MAX_DEADLINE_MS),
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { stop: fields.strings('stop', MAX_STOP_STRINGS) ?? [], ...Object.fromEntries(given) };
}

function readResume(fields: Fields | undefined): Resume | undefined {
  if (fields === undefined) return undefined;
  return { text: fields.required('text', fields.string('text')), tokens: fields.tokens('tokens') ?? [] };
}
