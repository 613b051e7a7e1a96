import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import { type AnswerFormat, type InferenceRequest, type Input, type Message, promptInput } from '../request.ts';
import { checkConsistency, MAX_EMBED_TEXTS, readMessages, readOptions } from '../request-fields/index.ts';
import { readSampling, samplingMessage } from '../sampling.ts';
import { wireName } from './field-names.ts';

const ANY_JSON = 'json_object';

/** Reads an `inference_request`, without its id. */
export function readRequest(message: JsonObject): InferenceRequest {
  const fields = new Fields(message, 'inference_request', { jsonName: wireName });
  const request = { input: readInput(fields), sampling: readSampling(fields), ...readOptions(fields, ANY_JSON) };
  checkConsistency(request, fields);
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
    reasoning: request.reasoning,
    context_length: request.contextLength,
    keep_alive_ms: request.keepAliveMs,
    count_only: request.countOnly,
    ...samplingMessage(request.sampling),
    stop: stop.length === 0 ? undefined : stop,
    stream: true,
    resume: resume === undefined ? undefined : { text: resume.text, tokens: resume.tokens },
    deadline_ms: request.deadlineMs,
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
  const messages = readMessages(fields);
  const prompt = fields.string('prompt');
  const tokens = fields.tokens('tokens');
  const texts = fields.strings('embed', MAX_EMBED_TEXTS);
  const [only, ...others] = [
    messages && { type: 'messages' as const, messages },
    prompt === undefined ? undefined : promptOrText(prompt, fields.boolean('raw') ?? false),
    tokens && { type: 'tokens' as const, tokens },
    texts && { type: 'embeddings' as const, texts },
  ].filter((input) => input !== undefined);
  if (only === undefined || others.length > 0) {
    throw fields.fault('inference_request must have exactly one of "messages", "prompt", "tokens" and "embed".');
  }
  return only;
}

function promptOrText(prompt: string, raw: boolean): Input {
  return raw ? { type: 'text', text: prompt } : promptInput(prompt);
}

function messageFields(message: Message): object {
  const { role, content } = message;
  return {
    role,
    content,
    tool_calls: message.role === 'assistant' ? message.toolCalls : undefined,
    tool_call_id: message.role === 'tool' ? message.toolCallId : undefined,
  };
}

function answerFormatField(format: AnswerFormat): object {
  return format.type === 'json' ? { type: ANY_JSON } : { type: format.type, schema: format.schema };
}
