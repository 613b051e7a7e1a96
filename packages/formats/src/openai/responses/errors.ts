import type { ErrorCode, ShoalError } from '@shoal/protocol/error';

const MS_PER_SECOND = 1000;
const RATE_LIMIT_EXCEEDED = 'rate_limit_exceeded';
/** A client retries after any code that is not here. */
const SERVER_ERROR = 'server_error';

/**
 * The codes of a failed response. Codex shortens the conversation after `context_length_exceeded`, gives up after
 * `invalid_prompt`, and waits and retries after `rate_limit_exceeded`.
 */
const CODES: Partial<Readonly<Record<ErrorCode, string>>> = {
  CONTEXT_EXCEEDED: 'context_length_exceeded',
  INVALID_REQUEST: 'invalid_prompt',
  MODEL_NOT_FOUND: 'invalid_prompt',
  MODEL_BUSY: RATE_LIMIT_EXCEEDED,
  OVERLOADED: RATE_LIMIT_EXCEEDED,
  QUEUE_FULL: RATE_LIMIT_EXCEEDED,
};

export interface ResponseError {
  readonly code: string;
  readonly message: string;
}

/** Returns the error of a response that fails after its stream began. */
export function writeResponseError({ code: ours, message, retryAfterMs }: ShoalError): ResponseError {
  const code = CODES[ours] ?? SERVER_ERROR;
  if (code !== RATE_LIMIT_EXCEEDED || retryAfterMs === undefined) return { code, message };
  // In a stream no header can carry the time. Codex reads it in this form from the message.
  return { code, message: `${message} Try again in ${Math.ceil(retryAfterMs / MS_PER_SECOND)}s.` };
}
