import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export type ApiName = 'openai' | 'anthropic' | 'ollama';

/** An answer as it was on the wire. */
export interface RecordedAnswer {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** False if the connection ended before the body was complete. */
  readonly isComplete: boolean;
}

/** The definition of the API's schemas that one body must match. */
interface Expected {
  readonly definition: string;
  /** The definition of each piece of a streamed body. */
  readonly piece?: string | undefined;
}

const OPENAI: Readonly<Record<string, Expected>> = {
  '/v1/chat/completions': { definition: 'CreateChatCompletionResponse', piece: 'CreateChatCompletionStreamResponse' },
  '/v1/completions': { definition: 'CreateCompletionResponse', piece: 'CreateCompletionResponse' },
  '/v1/embeddings': { definition: 'CreateEmbeddingResponse' },
  '/v1/responses': { definition: 'Response', piece: 'ResponseStreamEvent' },
  '/v1/models': { definition: 'ListModelsResponse' },
};
const ANTHROPIC: Readonly<Record<string, Expected>> = {
  '/v1/messages': { definition: 'Message', piece: 'RawMessageStreamEvent' },
  '/v1/messages/count_tokens': { definition: 'MessageTokensCount' },
  '/v1/models': { definition: 'ModelPage' },
};
const OLLAMA: Readonly<Record<string, Expected>> = {
  '/api/chat': { definition: 'ChatResponse', piece: 'ChatChunk' },
  '/api/generate': { definition: 'GenerateResponse', piece: 'GenerateChunk' },
  '/api/embed': { definition: 'EmbedResponse' },
  '/api/embeddings': { definition: 'EmbeddingsResponse' },
  '/api/tags': { definition: 'ListResponse' },
  '/api/ps': { definition: 'RunningResponse' },
  '/api/show': { definition: 'ShowResponse' },
  '/api/version': { definition: 'VersionResponse' },
  '/api/pull': { definition: 'ProgressResponse', piece: 'ProgressResponse' },
};
const TABLES: Readonly<Record<ApiName, Readonly<Record<string, Expected>>>> = {
  openai: OPENAI,
  anthropic: ANTHROPIC,
  ollama: OLLAMA,
};
/** The most faults that are reported of one body. */
const FAULTS_MAX = 5;

const validators = new Map<string, ValidateFunction>();
const ajvs = new Map<ApiName, Ajv2020>();

/** Returns the API that a path belongs to. `isAnthropic`: the request had the header `anthropic-version`. */
export function apiOf(path: string, isAnthropic: boolean): ApiName {
  if (path.startsWith('/api/')) return 'ollama';
  return isAnthropic || path.startsWith('/v1/messages') ? 'anthropic' : 'openai';
}

/**
 * Returns how an answer differs from the API's public schema: each fault in one line, and an empty list for a right one. A
 * stream is checked piece by piece, and it has to end in the way of its API: with its last event, or with an error and a cut
 * connection.
 */
export function checkAnswer(api: ApiName, answer: RecordedAnswer): readonly string[] {
  const { path, status, contentType, body, method } = answer;
  if (method === 'HEAD' || method === 'DELETE' || (api === 'ollama' && body === '')) return [];
  const where = `${method} ${path} ${status}`;
  if (status >= 400) return faults(where, api, 'ErrorResponse', parse(body));
  const expected = expectedAt(api, path);
  if (expected === undefined) return [];
  if (contentType.startsWith('text/event-stream')) return checkEvents(where, api, expected, answer);
  if (contentType.startsWith('application/x-ndjson')) return checkLines(where, api, expected, answer);
  const value = parse(body);
  return faults(where, api, wholeOf(expected, value), value);
}

/** Returns the definition of a whole answer. Ollama's answer to a request that only loads a model is as short as a piece. */
function wholeOf({ definition, piece }: Expected, value: unknown): string {
  const isLoading = ['load', 'unload'].includes(String(fieldOf(value, 'done_reason')));
  return isLoading ? (piece ?? definition) : definition;
}

function expectedAt(api: ApiName, path: string): Expected | undefined {
  const exact = TABLES[api][path];
  if (exact !== undefined || !path.startsWith('/v1/')) return exact;
  if (path.startsWith('/v1/models/')) return { definition: api === 'anthropic' ? 'ModelInfo' : 'Model' };
  return path.startsWith('/v1/responses/') ? { definition: 'Response' } : undefined;
}

function checkEvents(where: string, api: ApiName, { piece }: Expected, answer: RecordedAnswer): readonly string[] {
  const events = readEvents(answer.body);
  const found: string[] = [];
  let [hasFailed, isFailedResponse] = [false, false];
  for (const [index, { event, data }] of events.entries()) {
    const at = `${where} event ${index}`;
    if (data === '[DONE]') continue;
    const value = parse(data);
    const type = fieldOf(value, 'type');
    if (type === 'ping') continue;
    if (event !== undefined && event !== type) found.push(`${at}: its name is ${event} and its type ${String(type)}`);
    isFailedResponse = type === 'response.failed';
    const isError = type === 'error' || fieldOf(value, 'error') instanceof Object;
    hasFailed ||= isError || isFailedResponse;
    const definition = isError && !(api === 'openai' && type === 'error') ? 'ErrorResponse' : (piece ?? '');
    found.push(...faults(at, api, definition, value));
  }
  // Every client of the Responses API knows its last event of a failed answer.
  if (!isFailedResponse && hasFailed === answer.isComplete) {
    const end = answer.isComplete ? 'ended properly' : 'was cut';
    found.push(`${where}: the stream ${hasFailed ? 'failed' : 'did not fail'} and ${end}`);
  }
  if (!hasFailed && !endsWell(events.at(-1))) found.push(`${where}: the last event is ${events.at(-1)?.data}`);
  return found;
}

/** True for the last event that each API has. */
function endsWell(last: ServerEvent | undefined): boolean {
  if (last === undefined || last.data === '[DONE]') return last !== undefined;
  const type = fieldOf(parse(last.data), 'type');
  return type === 'message_stop' || type === 'response.completed' || type === 'response.incomplete';
}

function checkLines(where: string, api: ApiName, expected: Expected, answer: RecordedAnswer): readonly string[] {
  const objects = answer.body.split('\n').slice(0, -1).map(parse);
  const last = objects.at(-1);
  const hasFailed = fieldOf(last, 'error') !== undefined;
  const found = objects.flatMap((value, index) => {
    const at = `${where} line ${index}`;
    if (fieldOf(value, 'error') !== undefined) return faults(at, api, 'ErrorResponse', value);
    const isWhole = fieldOf(value, 'done') === true;
    return faults(at, api, isWhole ? wholeOf(expected, value) : (expected.piece ?? ''), value);
  });
  if (hasFailed === answer.isComplete) found.push(`${where}: the end of the stream does not fit its last line`);
  const isLast = fieldOf(last, 'done') === true || fieldOf(last, 'status') === 'success';
  if (!hasFailed && !isLast) found.push(`${where}: the last line is not the end`);
  return found;
}

interface ServerEvent {
  readonly event: string | undefined;
  readonly data: string;
}

/** Reads events as the standard says, but for `id`, `retry` and lone carriage returns, which no answer has. */
function readEvents(body: string): readonly ServerEvent[] {
  return body.split(/\r?\n\r?\n/).flatMap((block) => {
    const lines = block.split(/\r?\n/);
    const valuesOf = (field: string): string[] =>
      lines
        .filter((line) => line.startsWith(`${field}:`))
        .map((line) => line.slice(field.length + 1).replace(/^ /, ''));
    const data = valuesOf('data');
    return data.length === 0 ? [] : [{ event: valuesOf('event').at(-1), data: data.join('\n') }];
  });
}

function faults(where: string, api: ApiName, definition: string, value: unknown): readonly string[] {
  const narrowed = variantOf(api, definition, value) ?? definition;
  const validate = validatorOf(api, narrowed);
  if (validate(value)) return [];
  const lines = (validate.errors ?? []).map(
    (fault) => `${fault.instancePath || '/'} ${fault.message} ${detailOf(fault.params)}`,
  );
  return [...new Set(lines)].slice(0, FAULTS_MAX).map((line) => `${where} (${narrowed}): ${line}`);
}

function detailOf(params: object): string {
  return JSON.stringify(params).slice(0, 120);
}

/** Returns the variant of a union that has the value's `type`, because the faults of a whole union are unreadable. */
function variantOf(api: ApiName, definition: string, value: unknown): string | undefined {
  const type = fieldOf(value, 'type');
  const { $defs } = schemasOf(api);
  const union = fieldOf($defs[definition], 'anyOf') ?? fieldOf($defs[definition], 'oneOf');
  if (typeof type !== 'string' || !Array.isArray(union)) return undefined;
  const names = union.map((one: unknown) => decodeURIComponent(String(fieldOf(one, '$ref')).replace('#/$defs/', '')));
  return names.find((name) => {
    const tag = fieldOf(fieldOf($defs[name], 'properties'), 'type');
    const values = fieldOf(tag, 'enum');
    return fieldOf(tag, 'const') === type || (Array.isArray(values) && values.includes(type));
  });
}

function validatorOf(api: ApiName, definition: string): ValidateFunction {
  const key = `${api}#/$defs/${encodeURIComponent(definition)}`;
  const known = validators.get(key) ?? ajvOf(api).compile({ $ref: key });
  validators.set(key, known);
  return known;
}

function ajvOf(api: ApiName): Ajv2020 {
  let ajv = ajvs.get(api);
  if (ajv === undefined) {
    ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
    ajv.addSchema({ $id: api, ...schemasOf(api) });
    ajvs.set(api, ajv);
  }
  return ajv;
}

const read = new Map<ApiName, { readonly $defs: Readonly<Record<string, unknown>> }>();

function schemasOf(api: ApiName): { readonly $defs: Readonly<Record<string, unknown>> } {
  const schemas = read.get(api) ?? JSON.parse(readFileSync(join(import.meta.dirname, `schemas/${api}.json`), 'utf8'));
  read.set(api, schemas);
  return schemas;
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${text.slice(0, 200)}`, { cause: error });
  }
}
