import { ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import {
  type InferenceRequest,
  type Input,
  type Message,
  promptInput,
  type Resume,
  type Sampling,
} from '../request.ts';

export const MAX_MESSAGES = 4096;
export const MAX_STOP_STRINGS = 16;
/** The largest count of tokens, and the largest token id. */
export const MAX_TOKENS = 0x7fff_ffff;
export const MAX_TEMPERATURE = 10;
export const MAX_DEADLINE_MS = 24 * 60 * 60 * 1000;
/** Seeds beyond this are not exact as JSON numbers. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER;

const ROLES: ReadonlySet<string> = new Set(['system', 'user', 'assistant']);

/** An `inference_request`, its id left out. */
export function readRequest(message: JsonObject): InferenceRequest {
  const fields = new Fields(message, 'inference_request');
  const model = fields.string('model');
  const resume = readResume(fields.object('resume'));
  const deadlineMs = fields.integer('deadline_ms', 1, MAX_DEADLINE_MS);
  return {
    input: readInput(fields),
    sampling: readSampling(fields),
    stop: fields.strings('stop', MAX_STOP_STRINGS) ?? [],
    ...(model === undefined || model === '' ? {} : { model }),
    ...(resume === undefined ? {} : { resume }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}

export function requestMessage(requestId: string, request: InferenceRequest): object {
  const { sampling, resume } = request;
  return {
    type: 'inference_request',
    request_id: requestId,
    model: request.model,
    ...inputFields(request.input),
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    seed: sampling.seed,
    stop: request.stop.length === 0 ? undefined : request.stop,
    stream: true,
    resume: resume === undefined ? undefined : { text: resume.text, tokens: resume.tokens },
    deadline_ms: request.deadlineMs,
  };
}

function inputFields(input: Input): object {
  switch (input.type) {
    case 'messages':
      return { messages: input.messages };
    case 'text':
      return { prompt: input.text, raw: true };
    case 'tokens':
      return { tokens: input.tokens };
    default:
      return input satisfies never;
  }
}

function readInput(fields: Fields): Input {
  const messages = fields.objects('messages', MAX_MESSAGES);
  const prompt = fields.string('prompt');
  const tokens = fields.tokens('tokens');
  const [only, ...others] = [
    messages && { type: 'messages' as const, messages: messages.map(readMessage) },
    prompt === undefined ? undefined : promptOrText(prompt, fields.boolean('raw') ?? false),
    tokens && { type: 'tokens' as const, tokens },
  ].filter((input) => input !== undefined);
  if (only === undefined || others.length > 0) {
    throw ShoalError.badMessage('inference_request must have exactly one of "messages", "prompt" and "tokens".');
  }
  const isEmpty =
    (only.type === 'messages' && only.messages.length === 0) || (only.type === 'tokens' && only.tokens.length === 0);
  if (isEmpty) throw ShoalError.badMessage('inference_request must have something to answer.');
  return only;
}

function promptOrText(prompt: string, raw: boolean): Input {
  return raw ? { type: 'text', text: prompt } : promptInput(prompt);
}

function readMessage(fields: Fields): Message {
  const role = fields.required('role', fields.string('role'));
  if (!isRole(role)) throw ShoalError.badMessage(`A message's role must be one of ${[...ROLES].join(', ')}.`);
  return { role, content: fields.required('content', fields.string('content')) };
}

function isRole(role: string): role is Message['role'] {
  return ROLES.has(role);
}

function readSampling(fields: Fields): Sampling {
  const sampling = {
    maxTokens: fields.integer('max_tokens', 1, MAX_TOKENS),
    temperature: fields.number('temperature', 0, MAX_TEMPERATURE),
    topP: fields.number('top_p', 0, 1),
    topK: fields.integer('top_k', 0, MAX_TOKENS),
    minP: fields.number('min_p', 0, 1),
    seed: fields.integer('seed', 0, MAX_SEED),
  };
  return Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined));
}

function readResume(fields: Fields | undefined): Resume | undefined {
  if (fields === undefined) return undefined;
  return { text: fields.required('text', fields.string('text')), tokens: fields.tokens('tokens') ?? [] };
}
