import { type AnswerFormat, type Input, type InferenceRequest, type Message, ShoalError } from '@shoal/protocol';
import { textIn } from '@shoal/formats/json';
import { writeMessage } from '@shoal/formats/openai';
import type { ModelServer } from '../http/server.ts';
import { jsonGrammar, schemaGrammar } from '@shoal/chat/grammar';
import { failures } from './errors.ts';
import { askSmall, type ModelFacts, tokenize } from './facts.ts';

/** What is to be read: the prompt, and behind it what was generated already. */
export interface Prompt {
  readonly tokens: readonly number[];
  readonly resumed: readonly number[];
}

/** The ids that the model reads. Throws `INVALID_REQUEST`, and `CONTEXT_EXCEEDED` with both numbers. */
export async function readPrompt(
  server: ModelServer,
  facts: ModelFacts,
  { input, resume }: Pick<InferenceRequest, 'input' | 'resume'>,
  signal: AbortSignal,
): Promise<Prompt> {
  const tokens = await tokenizeInput(server, facts, input, signal);
  const resumed =
    resume === undefined
      ? []
      : resume.tokens.length > 0
        ? checkTokens(facts, resume.tokens)
        : await tokenize(server, resume.text, 'as plain text', signal);
  const count = tokens.length + resumed.length;
  if (count === 0) throw ShoalError.invalidRequest('The request has no tokens to answer.');
  if (count >= facts.contextLength) throw ShoalError.contextExceeded(count, facts.contextLength);
  return { tokens, resumed };
}

/** llama-server hands OpenAI's messages to the model's template, to which an empty content must be a text. */
export function writeMessages(messages: readonly Message[]): readonly object[] {
  return messages.map((message) => writeMessage(message, ''));
}

/** What the answer must follow, in GBNF. Throws `INVALID_REQUEST` for a schema that llama-server would not keep to, or not soon. */
export function grammarOf(format: AnswerFormat | undefined): string | undefined {
  if (format === undefined) return undefined;
  return format.type === 'json' ? jsonGrammar() : schemaGrammar(format.schema);
}

/** What the answer must be, as a JSON Schema. */
export function schemaOf(format: AnswerFormat | undefined): object | undefined {
  if (format === undefined) return undefined;
  return format.type === 'json' ? { type: 'object' } : format.schema;
}

async function tokenizeInput(
  server: ModelServer,
  facts: ModelFacts,
  input: Input,
  signal: AbortSignal,
): Promise<readonly number[]> {
  switch (input.type) {
    case 'messages':
      return tokenizeMessages(server, facts, input.messages, signal);
    case 'text':
      return tokenize(server, input.text, 'with control tokens', signal);
    case 'tokens':
      return checkTokens(facts, input.tokens);
    case 'embeddings':
      throw ShoalError.invalidRequest('Texts to embed are no prompt.');
    default:
      return input satisfies never;
  }
}

async function tokenizeMessages(
  server: ModelServer,
  { firstToken }: ModelFacts,
  messages: readonly Message[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  const reply = await askSmall(server, 'apply-template', { messages: writeMessages(messages) }, signal);
  const text = textIn(reply, 'prompt');
  if (text === undefined) throw failures.unreadable('A template made no text.');
  const tokens = await tokenize(server, text, 'with control tokens', signal);
  // llama-server takes the first token off what a template writes, where the tokenizer would add it: it must be there once.
  return firstToken !== undefined && tokens[0] !== firstToken ? [firstToken, ...tokens] : tokens;
}

function checkTokens({ vocabularySize }: ModelFacts, ids: readonly number[]): readonly number[] {
  const unknown = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (unknown === undefined) return ids;
  throw ShoalError.invalidRequest(
    `Token id ${unknown} is not in the model's vocabulary, which goes from 0 to ${vocabularySize - 1}.`,
  );
}
