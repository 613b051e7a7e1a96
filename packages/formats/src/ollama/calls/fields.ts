import { MAX_LOGPROBS } from '@shoal/protocol';
import type { AnswerFormat, InferenceRequest } from '@shoal/protocol/request';
import { isObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { BodyFields } from '../../body-fields.ts';
import { keepAliveMs } from '../keep-alive.ts';
import { readOptions } from './options.ts';

/** Characters of a duration. */
const MAX_DURATION_LENGTH = 64;
/** In a request: the model stays in memory without limit. */
const WITHOUT_LIMIT = -1;
const THINK: ReadonlySet<unknown> = new Set([true, 'low', 'medium', 'high']);

/** The fields of every call. */
export interface CallFields {
  readonly models: readonly string[];
  readonly request: Pick<InferenceRequest, 'sampling' | 'stop' | 'contextLength' | 'keepAliveMs'>;
}

/** A body's fields. Those that are not read are ignored, as Ollama does. */
export function bodyFields(body: unknown): BodyFields {
  return new BodyFields(body, '', 'The body');
}

export function readCallFields(body: BodyFields): CallFields {
  const model = body.required('model', body.string('model') || undefined);
  const kept = readKeepAlive(body);
  return { models: [model], request: { ...readOptions(body), ...(kept !== undefined && { keepAliveMs: kept }) } };
}

/** The fields of chat and generate that shape the answer. `truncate` and `shift` change nothing: a prompt is never cut. */
export function readAnswerFields(body: BodyFields): Pick<InferenceRequest, 'format' | 'logprobs' | 'reasoning'> {
  body.boolean('truncate');
  body.boolean('shift');
  body.only('_debug_render_only', [false]);
  const format = readFormat(body);
  const logprobs = readLogprobs(body);
  return { reasoning: readThink(body), ...(format && { format }), ...(logprobs !== undefined && { logprobs }) };
}

/** `stream` is true by default. */
export function readStreams(body: BodyFields): boolean {
  return body.boolean('stream') ?? true;
}

function readKeepAlive(body: BodyFields): number | undefined {
  const value = body.read('keep_alive');
  if (value === undefined) return undefined;
  const isDuration = typeof value === 'number' || (typeof value === 'string' && value.length <= MAX_DURATION_LENGTH);
  const ms = isDuration ? keepAliveMs(value) : undefined;
  if (ms === undefined) {
    throw ShoalError.invalidRequest(`"${body.name('keep_alive')}" must be a duration such as "5m", or seconds.`);
  }
  return ms === Infinity ? WITHOUT_LIMIT : Math.round(ms);
}

function readFormat(body: BodyFields): AnswerFormat | undefined {
  const value = body.read('format');
  if (value === undefined || value === '') return undefined;
  if (value === 'json') return { type: 'json' };
  if (isObject(value)) return { type: 'json_schema', schema: value };
  throw ShoalError.invalidRequest(`"${body.name('format')}" must be "json" or a JSON Schema.`);
}

/** Levels of thinking are not told apart. Without the field, a model that can think does. */
function readThink(body: BodyFields): boolean {
  const value = body.read('think') ?? true;
  if (value === false || THINK.has(value)) return value !== false;
  throw ShoalError.invalidRequest(`"${body.name('think')}" must be true, false, "low", "medium" or "high".`);
}

function readLogprobs(body: BodyFields): number | undefined {
  const isWanted = body.boolean('logprobs') ?? false;
  const top = body.integer('top_logprobs', 0, MAX_LOGPROBS) ?? 0;
  return isWanted ? top : undefined;
}
