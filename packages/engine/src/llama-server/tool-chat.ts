import { type InferenceEvent, type InferenceRequest, type Message, ShoalError } from '@shoal/protocol';
import { countIn, objectIn } from '@shoal/formats/json';
import { readStream, type StreamFailures, writeTools } from '@shoal/formats/openai';
import type { ModelServer } from '../http/server.ts';
import { newCallId } from '../http/call-id.ts';
import { failures, refused } from './errors.ts';
import { grammarOf, writeMessages, schemaOf } from './prompt.ts';
import { samplingInWords } from './sampling.ts';
import { openStream } from './stream.ts';

/** llama-server reports an error in a stream as it does in a reply. */
const STREAM_FAILURES: StreamFailures = {
  ...failures,
  reportedBy: (chunk) => {
    const error = objectIn(chunk, 'error');
    return error === undefined ? undefined : refused(countIn(error, 'code') ?? 0, chunk);
  },
};

/**
 * The answer to a chat with tools, by `POST /v1/chat/completions`: llama-server knows how the model's template writes tool
 * calls, keeps the model to it, and reads them. It tells no token ids then.
 */
export async function* chatWithTools(
  server: ModelServer,
  request: InferenceRequest,
  messages: readonly Message[],
  model: string,
  signal: AbortSignal,
): AsyncGenerator<InferenceEvent, undefined> {
  const body = await openStream(server, 'v1/chat/completions', orderOf(request, messages), signal);
  yield* readStream(body, { model, request, newCallId, failures: STREAM_FAILURES });
}

function orderOf(request: InferenceRequest, messages: readonly Message[]): object {
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
    throw ShoalError.generationFailed('An answer with tools that was begun elsewhere cannot be gone on with here.');
  }
  if (logprobs !== undefined) {
    throw ShoalError.generationFailed('How likely the tokens of an answer with tools are is not to be had here.');
  }
  const named = typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  // What of a schema cannot be kept to is refused: llama-server leaves it out.
  grammarOf(format);
  const schema = schemaOf(format);
  return {
    messages: writeMessages(messages),
    tools: writeTools(named),
    tool_choice: typeof toolChoice === 'object' ? 'required' : toolChoice,
    parallel_tool_calls: parallelToolCalls,
    max_tokens: sampling.maxTokens,
    ...samplingInWords(sampling),
    stop: stop.filter((text) => text !== ''),
    ...(schema !== undefined && { response_format: { type: 'json_schema', json_schema: { schema } } }),
    // What a model thinks is text here, as it is without tools.
    reasoning_format: 'none',
    stream_options: { include_usage: true },
  };
}
