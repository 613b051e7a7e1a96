import { isErrorCode, ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';

/** This dialect carries our codes as they are. `requestId` is absent for a fault that belongs to no request. */
export function errorMessage(error: ShoalError, requestId?: string): object {
  return {
    type: 'inference_error',
    request_id: requestId,
    code: error.code,
    message: error.message,
    retry_after_ms: error.retryAfterMs,
  };
}

/** A code that a newer peer may know and we do not becomes `INTERNAL`; its words are kept. */
export function readError(message: JsonObject): ShoalError {
  const fields = new Fields(message, 'inference_error');
  const code = fields.string('code');
  const retryAfterMs = fields.integer('retry_after_ms', 0, Number.MAX_SAFE_INTEGER);
  const words = fields.string('message') ?? 'The peer failed and did not say why.';
  return new ShoalError(
    isErrorCode(code) ? code : 'INTERNAL',
    words,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}
