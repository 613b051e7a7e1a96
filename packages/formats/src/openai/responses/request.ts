import { MAX_LOGPROBS, MAX_MESSAGES, SAMPLING, type Sampling } from '@shoal/protocol';
import type { AnswerFormat, InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../../body-fields.ts';
import { readModels } from '../../model-names.ts';
import { readSampling } from '../sampling.ts';
import type { InputItem, OutputItem } from './items.ts';
import { messagesOf, readInput } from './messages.ts';
import { readTools } from './tools.ts';

/** Entries of `include`. */
const MAX_INCLUDED = 64;
const LOGPROBS_INCLUDED = 'message.output_text.logprobs';
const NO_REASONING = 'none';
/** Fields that refer to objects stored at OpenAI, or to its moderation. */
const UNSUPPORTED = ['conversation', 'moderation', 'prompt'];
/** Texts that the response repeats and that change nothing. */
const REPEATED = ['prompt_cache_key', 'safety_identifier', 'user'];

/** The fields of a response that repeat those of its request, in the form of the API. */
export type Settings = Readonly<Record<string, unknown>>;

export interface ResponsesRequest {
  readonly models: readonly string[];
  readonly request: InferenceRequest;
  readonly streams: boolean;
  readonly stores: boolean;
  /** The items of `input`. */
  readonly input: readonly InputItem[];
  readonly settings: Settings;
}

/**
 * Reads the body of `responses` (https://platform.openai.com/docs/api-reference/responses/create). `earlier` are the items of
 * the previous response and of the conversation before it. Throws `INVALID_REQUEST` that names the field.
 */
export function readRequest(body: BodyFields, earlier: readonly (InputItem | OutputItem)[]): ResponsesRequest {
  checkSupported(body);
  const instructions = body.string('instructions');
  const input = readInput(body, earlier);
  const messages = messagesOf([...earlier, ...input], instructions ?? '');
  if (messages.length === 0 || messages.length > MAX_MESSAGES) {
    throw ShoalError.invalidRequest(`"${body.name('input')}" must have 1 to ${MAX_MESSAGES} messages.`);
  }
  const { written: writtenTools, ...tools } = readTools(body);
  const parallelToolCalls = body.boolean('parallel_tool_calls');
  const { format, written: text } = readText(body);
  const { reasoning, written: writtenReasoning } = readReasoning(body);
  const sampling = readAnySampling(body);
  const logprobs = readLogprobs(body);
  const stores = body.boolean('store') ?? true;
  return {
    models: readModels(body),
    streams: body.boolean('stream') ?? false,
    stores,
    input,
    request: {
      input: { type: 'messages', messages },
      sampling,
      stop: [],
      ...tools,
      ...(tools.tools !== undefined && parallelToolCalls !== undefined && { parallelToolCalls }),
      ...(format !== undefined && { format }),
      ...(logprobs !== undefined && { logprobs }),
      reasoning,
    },
    settings: {
      instructions: instructions ?? null,
      max_output_tokens: sampling.maxTokens ?? null,
      max_tool_calls: body.integer('max_tool_calls', 0, Number.MAX_SAFE_INTEGER) ?? null,
      metadata: body.json('metadata') ?? {},
      parallel_tool_calls: parallelToolCalls ?? true,
      previous_response_id: body.string('previous_response_id') ?? null,
      reasoning: writtenReasoning,
      service_tier: 'default',
      store: stores,
      temperature: sampling.temperature ?? null,
      text,
      ...writtenTools,
      top_logprobs: logprobs ?? 0,
      top_p: sampling.topP ?? null,
      truncation: 'disabled',
      ...Object.fromEntries(REPEATED.map((name) => [name, body.string(name)])),
    },
  };
}

function checkSupported(body: BodyFields): void {
  for (const name of UNSUPPORTED) {
    if (body.read(name) !== undefined) {
      throw ShoalError.invalidRequest(`"${body.name(name)}" is not supported; leave it out.`);
    }
  }
  body.only('background', [false]);
  // A prompt is never cut: one that is too long is an error in either case.
  body.only('truncation', ['disabled', 'auto']);
}

/** `max_output_tokens` is this API's name; `max_tokens` and other extensions are accepted too. */
function readAnySampling(body: BodyFields): Sampling {
  const { least, most } = SAMPLING.maxTokens;
  const maxTokens = body.integer('max_output_tokens', least, most);
  return { ...readSampling(body), ...(maxTokens !== undefined && { maxTokens }) };
}

function readLogprobs(body: BodyFields): number | undefined {
  const isIncluded = readTexts(body, 'include', MAX_INCLUDED).includes(LOGPROBS_INCLUDED);
  const top = body.integer('top_logprobs', 0, MAX_LOGPROBS) ?? 0;
  return isIncluded || top > 0 ? top : undefined;
}

/** Reasoning is on unless its effort is `none`. Other efforts do not differ. */
function readReasoning(body: BodyFields): { readonly reasoning: boolean; readonly written: object } {
  const fields = body.object('reasoning');
  const effort = fields?.string('effort');
  const summary = fields?.string('summary');
  return { reasoning: effort !== NO_REASONING, written: { effort: effort ?? null, summary: summary ?? null } };
}

function readText(body: BodyFields): { readonly format?: AnswerFormat | undefined; readonly written: object } {
  const fields = body.object('text');
  const verbosity = fields?.string('verbosity') ?? 'medium';
  const format = fields?.object('format');
  const written = { format: fields?.read('format') ?? { type: 'text' }, verbosity };
  return { format: format && readFormat(format), written };
}

function readFormat(format: BodyFields): AnswerFormat | undefined {
  const type = format.required('type', format.string('type'));
  switch (type) {
    case 'text':
      return undefined;
    case 'json_object':
      return { type: 'json' };
    case 'json_schema':
      // A schema is always followed, and its name and description do not reach the model.
      return { type, schema: format.required('schema', format.json('schema')) };
    default:
      throw ShoalError.invalidRequest(`"${format.name('type')}" must be text, json_object or json_schema.`);
  }
}

function readTexts(body: BodyFields, name: string, most: number): readonly string[] {
  const value = body.read(name) ?? [];
  if (Array.isArray(value) && value.length <= most && value.every((text) => typeof text === 'string')) return value;
  throw ShoalError.invalidRequest(`"${body.name(name)}" must be a list of at most ${most} texts.`);
}
