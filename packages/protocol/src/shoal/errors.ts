import { isErrorCode, ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import { cutErrorMessage } from '../peer-text.ts';

/** This dialect carries the error codes unchanged. `requestId` is undefined for a fault that belongs to no request. */
export function errorMessage(error: ShoalError, requestId?: string): object {
  return {
    type: 'inference_error',
    request_id: requestId,
    code: error.code,
    message: error.message,
    retry_after_ms: error.retryAfterMs,
  };
}

/** Reads an error. An unknown code, such as one of a newer peer, becomes `INTERNAL` with the peer's message. */
export function readError(message: JsonObject): ShoalError {
  const fields = new Fields(message, 'inference_error');
  const code = fields.string('code');
  const retryAfterMs = fields.integer('retry_after_ms', 0, Number.MAX_SAFE_INTEGER);
  const text = fields.string('message') ?? 'The peer failed without a reason.';
  return new ShoalError(
    isErrorCode(code) ? code : 'INTERNAL',
    cutErrorMessage(text),
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}
