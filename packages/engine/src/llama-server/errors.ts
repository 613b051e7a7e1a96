import type { JsonObject } from '@shoal/protocol/json';
import { ShoalError } from '@shoal/protocol/error';
import { countIn, objectIn, textIn } from '@shoal/formats/json';
import type { ServerFailures } from '../http/server.ts';

const HTTP_BAD_REQUEST = 400;
const HTTP_TOO_BUSY = 503;
/** llama-server's error for a text that is longer than a batch. */
const TOO_LARGE = /input \((\d+) tokens\) is (?:too )?large.*?(\d+)\)?\.?$/s;

const CRASHED = 'The model crashed.';

export const failures = {
  notFound: (_: URL, cause: unknown) => crashed(cause),
  silent: (ms: number) =>
    new ShoalError('TIMEOUT_NO_RESPONSE', `The model sent nothing for ${ms / 1_000} s. The request was ended.`),
  brokenOff: (cause: unknown) => crashed(cause),
  unreadable: (cause: unknown) =>
    ShoalError.generationFailed('llama-server sent a response that cannot be read.', cause),
} satisfies ServerFailures;

export function crashed(cause: unknown): ShoalError {
  return ShoalError.generationFailed(CRASHED, cause);
}

/** True if the connection to the server was lost. */
export function isCrash(error: unknown): boolean {
  return error instanceof ShoalError && error.message === CRASHED;
}

/**
 * Converts an error of llama-server (`format_error_response` in its tools/server/server-common.cpp): an object `error`
 * with `code`, `message` and `type`.
 */
export function refused(status: number, reply: JsonObject | undefined): ShoalError {
  const error = objectIn(reply, 'error');
  const message = textIn(error, 'message') ?? 'no reason given';
  const cause = `llama-server answered ${status}: ${message}`;
  const [promptTokens, contextLength] = [countIn(error, 'n_prompt_tokens'), countIn(error, 'n_ctx')];
  if (promptTokens !== undefined && contextLength !== undefined) {
    return ShoalError.contextExceeded(promptTokens, contextLength);
  }
  const [, tokens, batchTokens] = TOO_LARGE.exec(message) ?? [];
  if (tokens !== undefined && batchTokens !== undefined)
    return ShoalError.contextExceeded(Number(tokens), Number(batchTokens));
  switch (countIn(error, 'code') ?? status) {
    case HTTP_BAD_REQUEST:
      return new ShoalError('INVALID_REQUEST', `The model refuses the request: ${message}`, { cause });
    case HTTP_TOO_BUSY:
      return new ShoalError('OVERLOADED', 'The model is not available at the moment. Try again.', { cause });
    default:
      return ShoalError.generationFailed(
        'The model could not answer; the log of the lending node has the reason.',
        cause,
      );
  }
}
