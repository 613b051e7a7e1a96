import type { InferenceEvent } from '@shoal/protocol';
import type { InferenceRequest, Message } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { countIn, objectIn } from '@shoal/formats/json';
import { readStream, type StreamFailures, writeTools } from '@shoal/formats/openai';
import type { ModelServer } from '../http/server.ts';
import { newCallId } from '../http/call-id.ts';
import { failures, refused } from './errors.ts';
import { grammarOf, writeMessages, schemaOf } from './prompt.ts';
import { writeSampling } from './sampling.ts';
import { openStream } from './stream.ts';

/** llama-server reports an error in a stream as it does in a response. */
const STREAM_FAILURES: StreamFailures = {
  ...failures,
  reportedBy: (chunk) => {
    const error = objectIn(chunk, 'error');
    return error === undefined ? undefined : refused(countIn(error, 'code') ?? 0, chunk);
  },
};

/**
 * Answers a chat with tools through `POST /v1/chat/completions`: llama-server enforces the tool-call format of the model's
 * template, and parses the calls. Token ids are not available.
 */
export async function* chatWithTools(
  server: ModelServer,
  request: InferenceRequest,
  messages: readonly Message[],
  model: string,
  signal: AbortSignal,
): AsyncGenerator<InferenceEvent, undefined> {
  const body = await openStream(server, 'v1/chat/completions', bodyOf(request, messages), signal);
  yield* readStream(body, { model, request, newCallId, failures: STREAM_FAILURES });
}

function bodyOf(request: InferenceRequest, messages: readonly Message[]): object {
  const {
    tools = [],
    toolChoice = 'auto',
    parallelToolCalls = true,
    sampling,
    stop,
    format,
    logprobs,
    resume,
  } = request;
  if (resume !== undefined) {
    throw ShoalError.generationFailed('An answer with tools cannot be continued by another worker.');
  }
  if (logprobs !== undefined) {
    throw ShoalError.generationFailed(
      'This engine has no log probabilities for answers with tools. Remove them from the request.',
    );
  }
  const named = typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  // Throws for the parts of a schema that are not supported, which llama-server would ignore.
  grammarOf(format);
  const schema = schemaOf(format);
  return {
    messages: writeMessages(messages),
    tools: writeTools(named),
    tool_choice: typeof toolChoice === 'object' ? 'required' : toolChoice,
    parallel_tool_calls: parallelToolCalls,
    max_tokens: sampling.maxTokens,
    ...writeSampling(sampling),
    stop: stop.filter((text) => text !== ''),
    ...(schema !== undefined && { response_format: { type: 'json_schema', json_schema: { schema } } }),
    // Reasoning is part of the text, as it is without tools.
    reasoning_format: 'none',
    stream_options: { include_usage: true },
  };
}
