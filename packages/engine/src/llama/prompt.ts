import { type Input, type Message, type Resume, ShoalError } from '@shoal/protocol';
import type { Token } from 'node-llama-cpp';
import type { Vocabulary } from './model.ts';

/** The tokens that the model reads: the prompt, and behind it what was generated already. Throws `INVALID_REQUEST`. */
export function tokenizeInput(model: Vocabulary, input: Input): Token[] {
  switch (input.type) {
    case 'messages':
      return tokenizeMessages(model, input.messages);
    case 'text':
      return model.tokenize(input.text, 'with control tokens');
    case 'tokens':
      return checkTokens(model, input.tokens);
  }
}

export function tokenizeResume(model: Vocabulary, resume: Resume): Token[] {
  return resume.tokens.length > 0 ? checkTokens(model, resume.tokens) : model.tokenize(resume.text, 'as plain text');
}

function tokenizeMessages(model: Vocabulary, messages: readonly Message[]): Token[] {
  const { template, bos } = model;
  if (template === undefined) {
    throw ShoalError.invalidRequest('This model has no chat template; send raw text or tokens.');
  }
  const tokens = model.tokenize(render(model, template, messages), 'with control tokens');
  // Some templates write the first token themselves, others leave it to the tokenizer: it must be there once.
  return bos.isWanted && bos.token !== null && tokens[0] !== bos.token ? [bos.token, ...tokens] : tokens;
}

function render(
  model: Vocabulary,
  template: NonNullable<Vocabulary['template']>,
  messages: readonly Message[],
): string {
  try {
    return template.render({
      messages,
      add_generation_prompt: true,
      bos_token: model.bos.text,
      eos_token: model.eosText,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw ShoalError.invalidRequest(`The model's chat template refuses these messages: ${why}`);
  }
}

function checkTokens(model: Vocabulary, ids: readonly number[]): Token[] {
  const isToken = (id: number): id is Token => Number.isInteger(id) && id >= 0 && id < model.vocabularySize;
  if (ids.every(isToken)) return [...ids];
  const unknown = ids.find((id) => !isToken(id));
  throw ShoalError.invalidRequest(
    `Token id ${unknown} is not in the model's vocabulary, which goes from 0 to ${model.vocabularySize - 1}.`,
  );
}
