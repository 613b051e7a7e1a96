import { ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import { type InferenceRequest, type Input, promptInput, type Resume } from '../request.ts';
import { answerFormatField, readAnswerFormat } from './answer-format.ts';
import { messageFields, readMessage } from './conversation.ts';
import { readSampling, samplingFields } from './sampling.ts';
import { readToolChoice, readTools } from './tools.ts';

export const MAX_MESSAGES = 4096;
/** Texts of one request that become vectors. */
export const MAX_EMBED_TEXTS = 2048;
export const MAX_STOP_STRINGS = 16;
/** Likeliest tokens that are told beside each one. */
export const MAX_LOGPROBS = 20;
export const MAX_DEADLINE_MS = 24 * 60 * 60 * 1000;

/** An `inference_request`, its id left out. */
export function readRequest(message: JsonObject): InferenceRequest {
  const fields = new Fields(message, 'inference_request');
  const model = fields.string('model');
  const resume = readResume(fields.object('resume'));
  const deadlineMs = fields.integer('deadline_ms', 1, MAX_DEADLINE_MS);
  const request = {
    input: readInput(fields),
    sampling: readSampling(fields),
    stop: fields.strings('stop', MAX_STOP_STRINGS) ?? [],
    ...(model === undefined || model === '' ? {} : { model }),
    ...readWishes(fields),
    ...(resume === undefined ? {} : { resume }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
  const contradiction = contradictionIn(request);
  if (contradiction !== undefined) throw ShoalError.badMessage(contradiction);
  return request;
}

export function requestMessage(requestId: string, request: InferenceRequest): object {
  const { resume, stop, tools, format } = request;
  return {
    type: 'inference_request',
    request_id: requestId,
    model: request.model,
    ...inputFields(request.input),
    tools: tools?.length === 0 ? undefined : tools,
    tool_choice: request.toolChoice,
    parallel_tool_calls: request.parallelToolCalls,
    response_format: format === undefined ? undefined : answerFormatField(format),
    logprobs: request.logprobs,
    ...samplingFields(request.sampling),
    stop: stop.length === 0 ? undefined : stop,
    stream: true,
    resume: resume === undefined ? undefined : { text: resume.text, tokens: resume.tokens },
    deadline_ms: request.deadlineMs,
  };
}

/** Parts of a request that do not go together, in one line; undefined where all do. */
export function contradictionIn(request: Omit<InferenceRequest, 'sampling'>): string | undefined {
  const { input, tools = [], toolChoice = 'auto', format, logprobs, resume } = request;
  if (input.type === 'embeddings' && [format, logprobs, resume].some((wish) => wish !== undefined)) {
    return 'Embeddings have no format, no log probabilities and nothing to resume.';
  }
  if (tools.length > 0 && input.type !== 'messages') return 'Tools go with a conversation only.';
  if (toolChoice === 'required' && tools.length === 0) return 'A tool is to be used, and the request has none.';
  if (typeof toolChoice === 'object' && !tools.some(({ name }) => name === toolChoice.name)) {
    return `The tool "${toolChoice.name}" is to be used, and the request does not have it.`;
  }
  return undefined;
}

type Wishes = Pick<InferenceRequest, 'tools' | 'toolChoice' | 'parallelToolCalls' | 'format' | 'logprobs'>;

/** What the answer is to be, beside its length and its sampling. */
function readWishes(fields: Fields): Wishes {
  const tools = readTools(fields);
  const toolChoice = readToolChoice(fields);
  const parallelToolCalls = fields.boolean('parallel_tool_calls');
  const format = readAnswerFormat(fields);
  const logprobs = fields.integer('logprobs', 0, MAX_LOGPROBS);
  return {
    ...(tools === undefined ? {} : { tools }),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
    ...(format === undefined ? {} : { format }),
    ...(logprobs === undefined ? {} : { logprobs }),
  };
}

function inputFields(input: Input): object {
  switch (input.type) {
    case 'messages':
      return { messages: input.messages.map(messageFields) };
    case 'text':
      return { prompt: input.text, raw: true };
    case 'tokens':
      return { tokens: input.tokens };
    case 'embeddings':
      return { embed: input.texts };
    default:
      return input satisfies never;
  }
}

function readInput(fields: Fields): Input {
  const messages = fields.objects('messages', MAX_MESSAGES);
  const prompt = fields.string('prompt');
  const tokens = fields.tokens('tokens');
  const texts = fields.strings('embed', MAX_EMBED_TEXTS);
  const [only, ...others] = [
    messages && { type: 'messages' as const, messages: messages.map(readMessage) },
    prompt === undefined ? undefined : promptOrText(prompt, fields.boolean('raw') ?? false),
    tokens && { type: 'tokens' as const, tokens },
    texts && { type: 'embeddings' as const, texts },
  ].filter((input) => input !== undefined);
  if (only === undefined || others.length > 0) {
    throw ShoalError.badMessage(
      'inference_request must have exactly one of "messages", "prompt", "tokens" and "embed".',
    );
  }
  if (isEmpty(only)) throw ShoalError.badMessage('inference_request must have something to answer.');
  return only;
}

/** A text may be empty: what a model says of nothing is its own affair. */
function isEmpty(input: Input): boolean {
  switch (input.type) {
    case 'messages':
      return input.messages.length === 0;
    case 'text':
      return false;
    case 'tokens':
      return input.tokens.length === 0;
    case 'embeddings':
      return input.texts.length === 0;
    default:
      return input satisfies never;
  }
}

function promptOrText(prompt: string, raw: boolean): Input {
  return raw ? { type: 'text', text: prompt } : promptInput(prompt);
}

function readResume(fields: Fields | undefined): Resume | undefined {
  if (fields === undefined) return undefined;
  return { text: fields.required('text', fields.string('text')), tokens: fields.tokens('tokens') ?? [] };
}
