import type { Input, Resume } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';
import { type AnswerParser, type AnswerReasoning, callParser } from '@shoal/chat';
import { formatGrammar } from '@shoal/chat/grammar';
import type { GenerateRequest } from './messages.ts';
import type { Vocabulary } from './native/vocabulary.ts';

/** The tokens that the model reads, and the format of its answer. */
export interface EncodedRequest {
  readonly prompt: readonly number[];
  /** Tokens that were generated already. */
  readonly resumed: readonly number[];
  readonly grammar?: string | undefined;
  readonly parser?: AnswerParser | undefined;
  /** The reasoning to separate from the answer. */
  readonly reasoning?: AnswerReasoning | undefined;
}

/** Throws `INVALID_REQUEST`. */
export function encodeRequest(vocabulary: Vocabulary, request: GenerateRequest): EncodedRequest {
  const { input, resume, format, rendered } = request;
  const resumed = resume === undefined ? [] : tokenizeResume(vocabulary, resume);
  switch (input.type) {
    case 'messages': {
      if (rendered === undefined) throw noTemplate();
      const { prompt, grammar, calls, reasoning } = rendered;
      return {
        prompt: tokenizePrompt(vocabulary, prompt),
        resumed,
        grammar,
        parser: calls === undefined ? undefined : callParser(calls),
        // A resumed text without its ids is past the reasoning.
        reasoning: resume !== undefined && resume.tokens.length === 0 ? undefined : reasoning,
      };
    }
    case 'text':
    case 'tokens':
      return {
        prompt: tokenizeRaw(vocabulary, input),
        resumed,
        ...(format !== undefined && { grammar: formatGrammar(format) }),
      };
    case 'embeddings':
      throw ShoalError.invalidRequest('A request for vectors has no prompt.');
    default:
      return input satisfies never;
  }
}

/** Adds the tokens with which every prompt of the model begins and ends. */
function tokenizePrompt(vocabulary: Vocabulary, prompt: string): number[] {
  return vocabulary.tokenize(prompt, { special: true, control: true });
}

function noTemplate(): ShoalError {
  return ShoalError.invalidRequest('This model has no chat template; send raw text or tokens.');
}

function tokenizeRaw(vocabulary: Vocabulary, input: Extract<Input, { type: 'text' | 'tokens' }>): number[] {
  if (input.type === 'tokens') return checkTokens(vocabulary, input.tokens);
  return vocabulary.tokenize(input.text, { special: false, control: true });
}

function tokenizeResume(vocabulary: Vocabulary, { text, tokens }: Resume): number[] {
  if (tokens.length > 0) return checkTokens(vocabulary, tokens);
  return vocabulary.tokenize(text, { special: false, control: false });
}

function checkTokens({ size }: Vocabulary, ids: readonly number[]): number[] {
  const unknown = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= size);
  if (unknown === undefined) return [...ids];
  throw ShoalError.invalidRequest(
    `Token id ${unknown} is not in the model's vocabulary, which goes from 0 to ${size - 1}.`,
  );
}
