import type { AnswerReasoning } from '@shoal/chat';
import type { InferenceEvent } from '@shoal/protocol';
import type { AnswerFormat, InferenceRequest, Message } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { textIn } from '@shoal/formats/json';
import { writeMessage, writeTools } from '@shoal/formats/openai';
import type { ModelServer } from '../http/server.ts';
import { failures } from './errors.ts';
import { type ModelProperties, tokenize } from './properties.ts';
import { templateVariables } from './reasoning.ts';
import { requestJson } from './request-json.ts';

/** The tokens of the prompt, and those of the answer to resume. */
export interface Prompt extends Input {
  readonly resumed: readonly number[];
}

interface Input {
  readonly tokens: readonly number[];
  /** The reasoning to separate from the answer. Undefined if there is none, or none was requested. */
  readonly reasoning?: AnswerReasoning | undefined;
}

/** Tokenizes the input. Throws `INVALID_REQUEST`, and `CONTEXT_EXCEEDED` with both numbers. */
export async function readPrompt(
  server: ModelServer,
  properties: ModelProperties,
  request: InferenceRequest,
  signal: AbortSignal,
): Promise<Prompt> {
  const { resume } = request;
  const { tokens, reasoning } = await tokenizeInput(server, properties, request, signal);
  const resumed =
    resume === undefined
      ? []
      : resume.tokens.length > 0
        ? checkTokens(properties, resume.tokens)
        : await tokenize(server, resume.text, 'as plain text', signal);
  const count = tokens.length + resumed.length;
  if (count === 0) throw ShoalError.invalidRequest('The request has no tokens to answer.');
  const contextLength = contextLengthOf(properties, request);
  if (count >= contextLength) throw ShoalError.contextExceeded(count, contextLength);
  // A resumed text without its ids is past the reasoning.
  const isPast = resume !== undefined && resume.tokens.length === 0;
  return { tokens, resumed, ...(!isPast && { reasoning }) };
}

/** Returns the end of a count: the tokens of the prompt. Throws `INVALID_REQUEST`. */
export async function countPrompt(
  server: ModelServer,
  properties: ModelProperties,
  request: InferenceRequest,
  { model, signal }: { readonly model: string; readonly signal: AbortSignal },
): Promise<InferenceEvent> {
  const { tokens } = await tokenizeInput(server, properties, request, signal);
  const usage = { promptTokens: tokens.length, completionTokens: 0 };
  return { type: 'finish', reason: 'stop', rawReason: 'count', usage, model };
}

/** Returns the most tokens of prompt and answer together. */
export function contextLengthOf(
  { contextLength }: Pick<ModelProperties, 'contextLength'>,
  request: Pick<InferenceRequest, 'contextLength'>,
): number {
  return Math.min(contextLength, request.contextLength ?? Infinity);
}

/** Writes the fields of a chat that the model's template reads. */
export function writeChat(request: InferenceRequest, messages: readonly Message[]): object {
  const { tools = [], toolChoice = 'auto', parallelToolCalls = true, reasoning } = request;
  const named = typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  return {
    messages: writeMessages(messages),
    ...(tools.length > 0 && {
      tools: writeTools(named),
      tool_choice: typeof toolChoice === 'object' ? 'required' : toolChoice,
      parallel_tool_calls: parallelToolCalls,
    }),
    ...templateVariables(reasoning),
  };
}

/** Writes messages in OpenAI's format. llama-server passes them to the model's template, which needs empty content as a text. */
function writeMessages(messages: readonly Message[]): readonly object[] {
  return messages.map((message) => writeMessage(message, ''));
}

/** The JSON Schema of the answer. */
export function schemaOf(format: AnswerFormat | undefined): object | undefined {
  if (format === undefined) return undefined;
  return format.type === 'json' ? { type: 'object' } : format.schema;
}

async function tokenizeInput(
  server: ModelServer,
  properties: ModelProperties,
  request: InferenceRequest,
  signal: AbortSignal,
): Promise<Input> {
  const { input } = request;
  switch (input.type) {
    case 'messages':
      return tokenizeChat(server, properties, writeChat(request, input.messages), { request, signal });
    case 'text':
      return { tokens: await tokenize(server, input.text, 'with control tokens', signal) };
    case 'tokens':
      return { tokens: checkTokens(properties, input.tokens) };
    case 'embeddings':
      throw ShoalError.invalidRequest('Texts to embed are not a prompt.');
    default:
      return input satisfies never;
  }
}

async function tokenizeChat(
  server: ModelServer,
  { firstToken, reasoning: markers }: ModelProperties,
  chat: object,
  { request, signal }: { readonly request: InferenceRequest; readonly signal: AbortSignal },
): Promise<Input> {
  const text = textIn(await requestJson(server, 'apply-template', chat, signal), 'prompt');
  if (text === undefined) throw failures.unreadable('The template returned no text.');
  const tokens = await tokenize(server, text, 'with control tokens', signal);
  const isSeparated = request.reasoning !== undefined && markers !== undefined;
  return {
    // llama-server removes the first token from the template's text if the tokenizer adds it, so it is added here.
    tokens: firstToken !== undefined && tokens[0] !== firstToken ? [firstToken, ...tokens] : tokens,
    ...(isSeparated && { reasoning: { ...markers, hasBegun: text.trimEnd().endsWith(markers.start) } }),
  };
}

function checkTokens({ vocabularySize }: ModelProperties, ids: readonly number[]): readonly number[] {
  const unknown = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (unknown === undefined) return ids;
  throw ShoalError.invalidRequest(
    `Token id ${unknown} is not in the model's vocabulary, which goes from 0 to ${vocabularySize - 1}.`,
  );
}
