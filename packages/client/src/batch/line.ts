import {
  isObject,
  MAX_MESSAGES,
  MAX_STOP_STRINGS,
  type Message,
  type Role,
  SAMPLING,
  type SamplingNumber,
  ShoalError,
} from '@shoal/protocol';
import { LineFields } from './fields.ts';
import type { GenerateInput } from '../shoal.ts';

/** The longest `custom_id`, in UTF-16 units. */
const CUSTOM_ID_LENGTH_MAX = 512;
const ENDPOINT = '/v1/chat/completions';

const ROLES: ReadonlyMap<unknown, Role> = new Map([
  ['system', 'system'],
  // OpenAI's newer name for the same.
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
]);

/** Fields of a body that leave the answer as it is, whatever they say. */
const WITHOUT_EFFECT = [
  'metadata',
  'parallel_tool_calls',
  'prompt_cache_key',
  'safety_identifier',
  'service_tier',
  'store',
  'user',
];

/** Fields of a body that may only say what holds anyway, as JSON. */
const ONLY: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  stream: [false],
  logprobs: [false],
  top_logprobs: [0],
  presence_penalty: [0],
  frequency_penalty: [0],
  logit_bias: [{}],
  tools: [[]],
  tool_choice: ['none', 'auto'],
  functions: [[]],
  response_format: [{ type: 'text' }],
  modalities: [['text']],
};

/** What one line asks for. */
export type BatchInput = Omit<GenerateInput, 'prompt' | 'text' | 'tokens' | 'signal' | 'cluster' | 'asksEverybody'>;

/** A line of a batch file: what to ask, or why it cannot be asked. */
export type BatchLine = BatchQuestion | BatchMistake;

export interface BatchQuestion {
  /** Where it stands in the file, from 1. */
  readonly line: number;
  readonly customId: string;
  readonly input: BatchInput;
}

export interface BatchMistake {
  readonly line: number;
  /** Absent where the line has none that can be used. */
  readonly customId?: string | undefined;
  readonly error: ShoalError;
}

/**
 * Reads a line of OpenAI's batch file format (platform.openai.com/docs/api-reference/batch/request-input). What would change
 * the answer and cannot be had is a mistake that names it, never left out in silence.
 */
export function parseBatchLine(text: string, line: number): BatchLine {
  let customId: string | undefined;
  try {
    const fields = new LineFields(parseJson(text), '');
    customId = fields.required('custom_id', fields.string('custom_id', 1, CUSTOM_ID_LENGTH_MAX));
    return { line, customId, input: readQuestion(fields) };
  } catch (thrown) {
    if (!(thrown instanceof ShoalError)) throw thrown;
    return { line, error: thrown, ...(customId === undefined ? {} : { customId }) };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShoalError('INVALID_REQUEST', 'The line is not valid JSON.', { cause: error });
  }
}

function readQuestion(fields: LineFields): BatchInput {
  const method = fields.string('method');
  if (method !== undefined && method !== 'POST') throw ShoalError.invalidRequest('"method" must be "POST".');
  const url = fields.required('url', fields.string('url'));
  if (url !== ENDPOINT) throw ShoalError.invalidRequest(`"url" must be "${ENDPOINT}".`);
  const body = fields.required('body', fields.object('body'));
  fields.end();
  return readBody(body);
}

function readBody(body: LineFields): BatchInput {
  const model = body.string('model', 1);
  const maxTokens = readMaxTokens(body);
  const temperature = readNumber(body, SAMPLING.temperature);
  const topP = readNumber(body, SAMPLING.topP);
  const seed = readNumber(body, SAMPLING.seed);
  const stop = readStop(body);
  const messages = body.required('messages', body.objects('messages', 1, MAX_MESSAGES)).map(readMessage);
  for (const name of WITHOUT_EFFECT) body.ignore(name);
  for (const [name, allowed] of Object.entries(ONLY)) body.only(name, allowed);
  body.end();
  return {
    messages,
    ...(model === undefined ? {} : { model }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { stop }),
  };
}

/** OpenAI's name of a sampling field is its name on Shoal's wire. */
function readNumber(body: LineFields, field: SamplingNumber, name = field.wireName): number | undefined {
  const { kind, least, most } = field;
  return kind === 'whole' ? body.integer(name, least, most) : body.number(name, least, most);
}

/** Both names mean the same; two numbers would mean nothing. */
function readMaxTokens(body: LineFields): number | undefined {
  const older = readNumber(body, SAMPLING.maxTokens);
  const newer = readNumber(body, SAMPLING.maxTokens, 'max_completion_tokens');
  if (older !== undefined && newer !== undefined && older !== newer) {
    throw ShoalError.invalidRequest('"body.max_tokens" and "body.max_completion_tokens" differ; give one of them.');
  }
  return newer ?? older;
}

function readStop(body: LineFields): readonly string[] | undefined {
  const value = body.take('stop');
  if (value === undefined) return undefined;
  const stop: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (stop.length > MAX_STOP_STRINGS || !stop.every((text) => typeof text === 'string' && text !== '')) {
    throw ShoalError.invalidRequest(`"body.stop" must be a text or a list of at most ${MAX_STOP_STRINGS} texts.`);
  }
  return stop.map(String);
}

function readMessage(message: LineFields): Message {
  const role = ROLES.get(message.take('role'));
  if (role === undefined) {
    throw ShoalError.invalidRequest(`"${message.name('role')}" must be one of ${[...ROLES.keys()].join(', ')}.`);
  }
  const content = readContent(message);
  message.end();
  return { role, content };
}

function readContent(message: LineFields): string {
  const value = message.take('content');
  if (typeof value === 'string') return value;
  const parts = Array.isArray(value) && value.length > 0 ? value.map(textOfPart) : [undefined];
  if (parts.every((text) => text !== undefined)) return parts.join('');
  throw ShoalError.invalidRequest(`"${message.name('content')}" must be a text or a list of parts of type "text".`);
}

function textOfPart(part: unknown): string | undefined {
  if (!isObject(part) || part['type'] !== 'text') return undefined;
  return typeof part['text'] === 'string' ? part['text'] : undefined;
}
