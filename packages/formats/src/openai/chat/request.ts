import type { InferenceRequest } from '@shoal/protocol/request';
import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { BodyFields } from '../../body-fields.ts';
import type { AnswerContext, Call } from '../../call.ts';
import { withOneSystemMessage } from '../../conversation.ts';
import { readCallOptions, refuseUnsupported } from '../call-options.ts';
import { readMessages } from '../messages.ts';
import { checkConsistency, readChatOptions } from '../options.ts';
import { writeResponse } from './response.ts';
import { ChatStreamWriter } from './stream-writer.ts';

/** Fields that may only have values that change nothing. */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  audio: [],
  // They mean nothing without functions.
  function_call: ['none', 'auto'],
  functions: [[]],
  modalities: [['text']],
  web_search_options: [],
};

/**
 * Reads a call of `chat/completions` (https://platform.openai.com/docs/api-reference/chat/create). Unknown fields are
 * accepted. Throws `INVALID_REQUEST` that names the field, also for one that would change the answer and is not supported.
 */
export function readChat(body: JsonObject): Call {
  const fields = BodyFields.lenient(body);
  const { includesUsage, ...options } = readCallOptions(fields);
  const request: InferenceRequest = {
    ...readChatOptions(fields),
    input: { type: 'messages', messages: withOneSystemMessage(readMessages(fields)) },
    reasoning: readReasoning(fields),
  };
  refuseUnsupported(fields, UNSUPPORTED);
  checkConsistency(request, fields);
  return {
    ...options,
    request,
    write: (answers, context) => writeResponse(answers, factsOf(context)),
    stream: (context) => new ChatStreamWriter(context, includesUsage),
  };
}

function factsOf({ id, createdAt, model }: AnswerContext) {
  return { id: `chatcmpl-${id}`, created: Math.floor(createdAt / 1000), model: model() };
}

/** False if one of the switches of this API, OpenRouter, vLLM and Ollama is off. How long a model reasons cannot be set. */
function readReasoning(body: BodyFields): boolean {
  const reasoning = body.object('reasoning');
  const think = body.read('think');
  if (think !== undefined && typeof think !== 'boolean' && typeof think !== 'string') {
    throw ShoalError.invalidRequest('"think" must be true, false or a level of effort.');
  }
  const efforts = [body.string('reasoning_effort'), reasoning?.string('effort'), think];
  const switches = [
    reasoning?.boolean('enabled'),
    body.object('chat_template_kwargs')?.boolean('enable_thinking'),
    think,
  ];
  return !efforts.includes('none') && !switches.includes(false);
}
