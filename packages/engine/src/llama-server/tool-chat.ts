import type { InferenceEvent } from '@shoal/protocol';
import type { InferenceRequest, Message } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { formatGrammar } from '@shoal/chat/grammar';
import { countIn, objectIn } from '@shoal/formats/json';
import { readStream, type StreamFailures } from '@shoal/formats/openai';
import type { ModelServer } from '../http/server.ts';
import { newCallId } from '../http/call-id.ts';
import { failures, refused } from './errors.ts';
import { contextLengthOf, readPrompt, schemaOf, writeChat } from './prompt.ts';
import type { ModelProperties } from './properties.ts';
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
  properties: ModelProperties,
  request: InferenceRequest,
  messages: readonly Message[],
  { model, signal }: { readonly model: string; readonly signal: AbortSignal },
): AsyncGenerator<InferenceEvent, undefined> {
  const chat = bodyOf(request, messages);
  const limit = { max_tokens: await limitOf(server, properties, request, signal) };
  const body = await openStream(server, 'v1/chat/completions', { ...chat, ...limit }, signal);
  yield* readStream(body, { model, request, newCallId, failures: STREAM_FAILURES });
}

function bodyOf(request: InferenceRequest, messages: readonly Message[]): object {
  const { sampling, stop, format, logprobs, resume, reasoning } = request;
  if (resume !== undefined) {
    throw ShoalError.generationFailed('An answer with tools cannot be continued by another worker.');
  }
  if (logprobs !== undefined) {
    throw ShoalError.generationFailed(
      'This engine has no log probabilities for answers with tools. Remove them from the request.',
    );
  }
  // Throws for the parts of a schema that are not supported, which llama-server would ignore.
  if (format !== undefined) formatGrammar(format);
  const schema = schemaOf(format);
  return {
    ...writeChat(request, messages),
    ...writeSampling(sampling),
    stop: stop.filter((text) => text !== ''),
    ...(schema !== undefined && { response_format: { type: 'json_schema', json_schema: { schema } } }),
    // Reasoning is part of the text, as it is without tools, unless it is separated.
    reasoning_format: reasoning === undefined ? 'none' : 'deepseek',
    stream_options: { include_usage: true },
  };
}

/** Returns the most tokens of the answer. The prompt is only counted for a request with a context of its own. */
async function limitOf(
  server: ModelServer,
  properties: ModelProperties,
  request: InferenceRequest,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { contextLength, sampling } = request;
  if (contextLength === undefined) return sampling.maxTokens;
  const { tokens } = await readPrompt(server, properties, request, signal);
  return Math.min(sampling.maxTokens ?? Infinity, contextLengthOf(properties, request) - tokens.length);
}
