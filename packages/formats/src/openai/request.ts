import type { AnswerFormat, InferenceRequest, Input } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';
import { readMessages, writeMessage } from './messages.ts';
import { checkConsistency, readChatOptions } from './options.ts';
import { writeSampling } from './sampling.ts';
import { writeToolChoice, writeTools } from './tools.ts';

/** Fields that do not change the answer, whatever their value. */
const WITHOUT_EFFECT = ['metadata', 'prompt_cache_key', 'safety_identifier', 'service_tier', 'store', 'user'];

/** Fields that may only have values that change nothing, as JSON. */
const ONLY: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  functions: [[]],
  modalities: [['text']],
};

export interface ChatRequest extends InferenceRequest {
  readonly input: Extract<Input, { type: 'messages' }>;
}

/** A request to an OpenAI-compatible server; the path is relative to the base URL. */
export interface OpenAiRequest {
  readonly path: 'chat/completions' | 'completions';
  readonly body: object;
}

/**
 * Reads the body of `chat/completions` (https://platform.openai.com/docs/api-reference/chat/create). `stream` and
 * `stream_options` are the caller's to read before. Throws `INVALID_REQUEST` that names the field, also for every field that
 * is not supported: it might change the answer.
 */
export function readRequest(body: BodyFields): ChatRequest {
  const model = body.string('model', 1);
  const request: ChatRequest = {
    ...(model !== undefined && { model }),
    ...readChatOptions(body),
    input: { type: 'messages', messages: readMessages(body) },
  };
  for (const name of WITHOUT_EFFECT) body.ignore(name);
  for (const [name, allowed] of Object.entries(ONLY)) body.only(name, allowed);
  body.end();
  checkConsistency(request, body);
  return request;
}

/** Fields that only some servers accept. */
export interface AcceptedFields {
  readonly usage: boolean;
  /** Variables of the chat template, which switch reasoning on or off. */
  readonly templateVariables: boolean;
}

/**
 * Writes a streaming request (https://platform.openai.com/docs/api-reference). Throws `GENERATION_FAILED` for an answer to
 * resume, so that another worker is tried, and `INVALID_REQUEST` for texts to embed.
 */
export function writeRequest(request: InferenceRequest, model: string, accepted: AcceptedFields): OpenAiRequest {
  const { input, sampling, stop, format, resume } = request;
  if (resume !== undefined)
    throw ShoalError.generationFailed('The server cannot continue an answer that another worker began.');
  const stops = stop.filter((text) => text !== '');
  const common = {
    model,
    stream: true,
    ...(accepted.usage && { stream_options: { include_usage: true } }),
    ...writeSampling(sampling),
    stop: stops.length === 0 ? undefined : stops,
    response_format: writeFormat(format),
  };
  switch (input.type) {
    case 'messages':
      return {
        path: 'chat/completions',
        body: {
          ...common,
          messages: input.messages.map((message) => writeMessage(message)),
          ...chatLogprobs(request),
          ...toolFields(request),
          ...(accepted.templateVariables && reasoningFields(request)),
        },
      };
    case 'text':
      return { path: 'completions', body: { ...common, ...textFields(request), prompt: input.text } };
    case 'tokens':
      return { path: 'completions', body: { ...common, ...textFields(request), prompt: input.tokens } };
    case 'embeddings':
      throw ShoalError.invalidRequest('Texts to embed have no answer.');
    default:
      return input satisfies never;
  }
}

function writeFormat(format: AnswerFormat | undefined): object | undefined {
  if (format === undefined) return undefined;
  if (format.type === 'json') return { type: 'json_object' };
  return { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema, strict: true } };
}

/** At least one of the likeliest tokens is requested: llama-server takes 0 for no log probabilities at all. */
function chatLogprobs({ logprobs }: InferenceRequest): object {
  return logprobs === undefined ? {} : { logprobs: true, top_logprobs: Math.max(1, logprobs) };
}

function toolFields({ tools, toolChoice, parallelToolCalls }: InferenceRequest): object {
  const written = writeTools(tools);
  if (written === undefined) return {};
  return { tools: written, tool_choice: writeToolChoice(toolChoice), parallel_tool_calls: parallelToolCalls };
}

/** vLLM and llama-server pass these on to the chat template. Templates know the switch by one of two names. */
function reasoningFields({ reasoning }: InferenceRequest): object {
  return reasoning === undefined ? {} : { chat_template_kwargs: { enable_thinking: reasoning, thinking: reasoning } };
}

/** Without a limit vLLM stops after 16 tokens; with null it stops at the end of the context. */
function textFields({ logprobs, sampling }: InferenceRequest): object {
  return {
    max_tokens: sampling.maxTokens ?? null,
    ...(logprobs !== undefined && { logprobs: Math.max(1, logprobs) }),
  };
}
