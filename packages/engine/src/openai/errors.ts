import * as formats from '@shoal/formats/openai';
import { ShoalError } from '@shoal/protocol/error';

export const failures = {
  /** Shown to the machine's owner if the connection is refused. */
  notFound: (address: URL, cause: unknown) =>
    new ShoalError(
      'CONNECT_FAILED',
      `No server answers at ${address.href}. Start it, or give its URL (--openai-url, OPENAI_BASE_URL).`,
      { cause },
    ),
  /** Shown to the machine's owner if another kind of server answers. */
  notOpenAi: (address: URL, cause: unknown) =>
    new ShoalError(
      'CONNECT_FAILED',
      `The server at ${address.href} is not OpenAI-compatible, or its API has another path. Give the URL of the API ` +
        '(--openai-url, OPENAI_BASE_URL).',
      { cause },
    ),
  /** Shown to the machine's owner. */
  keyRefused: (cause: unknown) =>
    new ShoalError(
      'UNAUTHORIZED',
      'The OpenAI-compatible server refuses the key, or requires one. Give it with OPENAI_API_KEY or openaiKey.',
      { cause },
    ),
  modelMissing: (model: string, existing: readonly string[]) => ShoalError.modelNotFound(model, existing),
  noModels: (address: URL) =>
    new ShoalError('MODEL_NOT_FOUND', `The server at ${address.href} lists no model. Load one there.`),
  silent: (ms: number) =>
    new ShoalError('TIMEOUT_NO_RESPONSE', `The server sent nothing for ${ms / 1_000} s. The request was ended.`),
  brokenOff: formats.failures.brokenOff,
  unreadable: formats.failures.unreadable,
};

/** An error response. Its own text becomes the cause only: none of it reaches a peer. */
export function readError(response: formats.ErrorResponse, model: string): ShoalError {
  const error = formats.readError(response, model);
  return error.code === 'UNAUTHORIZED' ? failures.keyRefused(error.cause) : error;
}

/** Converts an error for a peer. Only the owner gets the server's address and the details of its key. */
export function forPeer(error: ShoalError): ShoalError {
  if (error.code === 'CONNECT_FAILED') {
    return new ShoalError('CONNECT_FAILED', 'The server behind the lending node does not answer.', { cause: error });
  }
  if (error.code === 'UNAUTHORIZED') {
    return ShoalError.generationFailed('The server behind the lending node refuses its key.', error);
  }
  return error;
}

/** Removes the key from the cause of an error, which is logged: some servers repeat the key that they refuse. */
export function withoutKey(error: ShoalError, key: string | undefined): ShoalError {
  const { code, message, cause, retryAfterMs } = error;
  if (key === undefined || typeof cause !== 'string' || !cause.includes(key)) return error;
  return new ShoalError(code, message, {
    cause: cause.replaceAll(key, '(the key)'),
    retryAfterMs,
  });
}
