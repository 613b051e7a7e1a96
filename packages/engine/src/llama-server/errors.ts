import { type JsonObject, ShoalError } from '@shoal/protocol';
import { countIn, objectIn, textIn } from '@shoal/formats/json';
import type { ServerFailures } from '../http/server.ts';

const HTTP_BAD_REQUEST = 400;
const HTTP_TOO_BUSY = 503;
/** llama-server's word for a text that is longer than what is read at a time. */
const TOO_LARGE = /input \((\d+) tokens\) is (?:too )?large.*?(\d+)\)?\.?$/s;

const CRASHED = 'The model crashed.';

export const failures = {
  notFound: (_: URL, cause: unknown) => crashed(cause),
  silent: (ms: number) =>
    new ShoalError('TIMEOUT_NO_RESPONSE', `The model said nothing for ${ms / 1_000} s, and the request was ended.`),
  brokenOff: (cause: unknown) => crashed(cause),
  unreadable: (cause: unknown) => ShoalError.generationFailed('llama-server answered with what cannot be read.', cause),
} satisfies ServerFailures;

export function crashed(cause: unknown): ShoalError {
  return ShoalError.generationFailed(CRASHED, cause);
}

/** Whether the connection to the server was lost. */
export function isCrash(error: unknown): boolean {
  return error instanceof ShoalError && error.message === CRASHED;
}

/**
 * What llama-server's own error means (`format_error_response` in its tools/server/server-common.cpp): an object `error`
 * with `code`, `message` and `type`.
 */
export function refused(status: number, reply: JsonObject | undefined): ShoalError {
  const error = objectIn(reply, 'error');
  const message = textIn(error, 'message') ?? 'no reason';
  const cause = `llama-server said ${status}: ${message}`;
  const [promptTokens, contextLength] = [countIn(error, 'n_prompt_tokens'), countIn(error, 'n_ctx')];
  if (promptTokens !== undefined && contextLength !== undefined) {
    return ShoalError.contextExceeded(promptTokens, contextLength);
  }
  const [, tokens, room] = TOO_LARGE.exec(message) ?? [];
  if (tokens !== undefined && room !== undefined) return ShoalError.contextExceeded(Number(tokens), Number(room));
  switch (countIn(error, 'code') ?? status) {
    case HTTP_BAD_REQUEST:
      return new ShoalError('INVALID_REQUEST', `The model refuses the request: ${message}`, { cause });
    case HTTP_TOO_BUSY:
      return new ShoalError('OVERLOADED', 'The model cannot be asked at the moment. Try again.', { cause });
    default:
      return ShoalError.generationFailed(
        'The model could not answer; the log of the lending node has the reason.',
        cause,
      );
  }
}
