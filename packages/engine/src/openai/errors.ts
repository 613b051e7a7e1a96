import * as formats from '@shoal/formats/openai';
import { ShoalError } from '@shoal/protocol';

export const failures = {
  /** For whoever owns the machine: nobody listens there. */
  notFound: (address: URL, cause: unknown) =>
    new ShoalError(
      'CONNECT_FAILED',
      `No server answers at ${address.href}. Start it, or say where it is (--openai-url, OPENAI_BASE_URL).`,
      { cause },
    ),
  /** For whoever owns the machine: something listens there, and it speaks otherwise. */
  notOpenAi: (address: URL, cause: unknown) =>
    new ShoalError(
      'CONNECT_FAILED',
      `What answers at ${address.href} is no OpenAI-compatible server, or is elsewhere on that machine. Say where its API ` +
        'begins (--openai-url, OPENAI_BASE_URL).',
      { cause },
    ),
  /** For whoever owns the machine. */
  keyRefused: (cause: unknown) =>
    new ShoalError(
      'UNAUTHORIZED',
      'The OpenAI-compatible server refuses the key, or wants one. Give it with OPENAI_API_KEY or openaiKey.',
      { cause },
    ),
  modelMissing: (model: string, existing: readonly string[]) => ShoalError.modelNotFound(model, existing),
  noModels: (address: URL) =>
    new ShoalError('MODEL_NOT_FOUND', `The server at ${address.href} lists no model. Load one there.`),
  silent: (ms: number) =>
    new ShoalError('TIMEOUT_NO_RESPONSE', `The server said nothing for ${ms / 1_000} s, and the request was ended.`),
  brokenOff: formats.failures.brokenOff,
  unreadable: formats.failures.unreadable,
};

/** An error response. Its own text becomes the cause only: none of it reaches a peer. */
export function readError(response: formats.ErrorResponse, model: string): ShoalError {
  const error = formats.readError(response, model);
  return error.code === 'UNAUTHORIZED' ? failures.keyRefused(error.cause) : error;
}

/** What is wrong with the server or its key is told to its owner in full: a peer hears no address. */
export function forPeer(error: ShoalError): ShoalError {
  if (error.code === 'CONNECT_FAILED') {
    return new ShoalError('CONNECT_FAILED', 'The server that the lending node asks does not answer.', { cause: error });
  }
  if (error.code === 'UNAUTHORIZED') {
    return ShoalError.generationFailed('The server that the lending node asks refuses it.', error);
  }
  return error;
}

/** Some servers repeat the key that they refuse; what they say is the cause of an error, and is logged. */
export function withoutKey(error: ShoalError, key: string | undefined): ShoalError {
  const { code, message, cause, retryAfterMs } = error;
  if (key === undefined || typeof cause !== 'string' || !cause.includes(key)) return error;
  return new ShoalError(code, message, {
    cause: cause.replaceAll(key, '(the key)'),
    retryAfterMs,
  });
}
