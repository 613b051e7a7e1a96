import type { JsonObject } from '@shoal/protocol/json';
import { type ErrorCode, ShoalError } from '@shoal/protocol/error';
import type { WriteError } from '../call.ts';
import { textIn } from '../json.ts';

/** Ollama's text for a prompt that does not fit (runner: `errorInputTooLong`). */
const TOO_LONG = /exceeds? the (available )?context/;
const MODEL_MISSING: ReadonlySet<ErrorCode> = new Set(['MODEL_NOT_FOUND', 'OLLAMA_MODEL_NOT_AVAILABLE']);

export const failures = {
  brokenOff: (cause: unknown) => ShoalError.generationFailed('Ollama ended the answer before it was complete.', cause),
  unreadable: (cause: unknown) => ShoalError.generationFailed('Ollama sent a response that cannot be read.', cause),
  noLogprobs: () =>
    ShoalError.generationFailed(
      'This Ollama sends no log probabilities. Update it to 0.12.11 or later.',
      'There were none.',
    ),
};

/** An error response. Ollama's own text becomes the cause only: it can name files and addresses. */
export function readError(status: number, text: string, model: string): ShoalError {
  const cause = `Ollama answered ${status}: ${text}`;
  if (TOO_LONG.test(text)) {
    return new ShoalError('CONTEXT_EXCEEDED', 'The prompt is longer than the context of the model.', { cause });
  }
  switch (status) {
    case 400:
      return new ShoalError('INVALID_REQUEST', `Ollama refuses this request for the model "${model}".`, {
        cause,
      });
    case 404:
      return new ShoalError(
        'OLLAMA_MODEL_NOT_AVAILABLE',
        `Ollama no longer has the model "${model}". Its owner can get it again with "ollama pull ${model}".`,
        { cause },
      );
    case 429:
    case 503:
      return new ShoalError('OVERLOADED', 'Ollama is busy. Try again in a moment.', { cause });
    default:
      return ShoalError.generationFailed('Ollama could not answer; the log of the lending node has the reason.', cause);
  }
}

/** The text of an error response, or else the whole body. */
export function errorText(body: JsonObject | undefined, raw: string): string {
  return textIn(body, 'error') ?? raw;
}

/** `{"error": …}`, the form of every error of Ollama's API. */
export const writeError: WriteError = (error, status) => ({ status, body: { error: errorMessage(error) } });

/** The text of an error. Clients look for Ollama's words in the texts of a missing model and of a prompt that is too long. */
export function errorMessage({ code, message }: ShoalError): string {
  if (code === 'CONTEXT_EXCEEDED' && !TOO_LONG.test(message)) {
    return `the input length exceeds the context length. ${message}`;
  }
  if (!MODEL_MISSING.has(code) || message.includes('not found')) return message;
  const [, name] = /"(.+?)"/.exec(message) ?? [];
  return `${name === undefined ? 'model' : `model "${name}"`} not found. ${message}`;
}
