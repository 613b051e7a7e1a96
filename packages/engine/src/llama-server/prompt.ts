import type { AnswerFormat, Input, InferenceRequest, Message } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { textIn } from '@shoal/formats/json';
import { writeMessage } from '@shoal/formats/openai';
import type { ModelServer } from '../http/server.ts';
import { jsonGrammar, schemaGrammar } from '@shoal/chat/grammar';
import { failures } from './errors.ts';
import { requestJson, type ModelProperties, tokenize } from './properties.ts';

/** The tokens of the prompt, and those of the answer to resume. */
export interface Prompt {
  readonly tokens: readonly number[];
  readonly resumed: readonly number[];
}

/** Tokenizes the input. Throws `INVALID_REQUEST`, and `CONTEXT_EXCEEDED` with both numbers. */
export async function readPrompt(
  server: ModelServer,
  properties: ModelProperties,
  { input, resume }: Pick<InferenceRequest, 'input' | 'resume'>,
  signal: AbortSignal,
): Promise<Prompt> {
  const tokens = await tokenizeInput(server, properties, input, signal);
  const resumed =
    resume === undefined
      ? []
      : resume.tokens.length > 0
        ? checkTokens(properties, resume.tokens)
        : await tokenize(server, resume.text, 'as plain text', signal);
  const count = tokens.length + resumed.length;
  if (count === 0) throw ShoalError.invalidRequest('The request has no tokens to answer.');
  if (count >= properties.contextLength) throw ShoalError.contextExceeded(count, properties.contextLength);
  return { tokens, resumed };
}

/** Writes messages in OpenAI's format. llama-server passes them to the model's template, which needs empty content as a text. */
export function writeMessages(messages: readonly Message[]): readonly object[] {
  return messages.map((message) => writeMessage(message, ''));
}

/** The grammar of the answer, in GBNF. Throws `INVALID_REQUEST` for a schema that is not supported or too complex. */
export function grammarOf(format: AnswerFormat | undefined): string | undefined {
  if (format === undefined) return undefined;
  return format.type === 'json' ? jsonGrammar() : schemaGrammar(format.schema);
}

/** The JSON Schema of the answer. */
export function schemaOf(format: AnswerFormat | undefined): object | undefined {
  if (format === undefined) return undefined;
  return format.type === 'json' ? { type: 'object' } : format.schema;
}

async function tokenizeInput(
  server: ModelServer,
  properties: ModelProperties,
  input: Input,
  signal: AbortSignal,
): Promise<readonly number[]> {
  switch (input.type) {
    case 'messages':
      return tokenizeMessages(server, properties, input.messages, signal);
    case 'text':
      return tokenize(server, input.text, 'with control tokens', signal);
    case 'tokens':
      return checkTokens(properties, input.tokens);
    case 'embeddings':
      throw ShoalError.invalidRequest('Texts to embed are not a prompt.');
    default:
      return input satisfies never;
  }
}

async function tokenizeMessages(
  server: ModelServer,
  { firstToken }: ModelProperties,
  messages: readonly Message[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  const reply = await requestJson(server, 'apply-template', { messages: writeMessages(messages) }, signal);
  const text = textIn(reply, 'prompt');
  if (text === undefined) throw failures.unreadable('The template returned no text.');
  const tokens = await tokenize(server, text, 'with control tokens', signal);
  // llama-server removes the first token from the template's text if the tokenizer adds it, so it is added here.
  return firstToken !== undefined && tokens[0] !== firstToken ? [firstToken, ...tokens] : tokens;
}

function checkTokens({ vocabularySize }: ModelProperties, ids: readonly number[]): readonly number[] {
  const unknown = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (unknown === undefined) return ids;
  throw ShoalError.invalidRequest(
    `Token id ${unknown} is not in the model's vocabulary, which goes from 0 to ${vocabularySize - 1}.`,
  );
}
