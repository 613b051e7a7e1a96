import { type ErrorCode, ShoalError } from '../error.ts';
import { isObject, type JsonObject } from '../json.ts';
import { cutErrorMessage } from '../peer-text.ts';

/** The codes that LocalLLM's wire carries. */
const CODES = [
  'INVALID_SERVER_ID',
  'CONNECT_FAILED',
  'HOST_OFFLINE',
  'HOST_DISCONNECTED',
  'OLLAMA_NOT_FOUND',
  'OLLAMA_MODEL_NOT_AVAILABLE',
  'MODEL_BUSY',
  'GENERATION_FAILED',
  'GENERATION_ABORTED',
  'BAD_MESSAGE',
  'UNSUPPORTED_VERSION',
  'TIMEOUT_NO_RESPONSE',
] as const satisfies readonly ErrorCode[];

export type LocalLlmCode = (typeof CODES)[number];

/** The wire code of each error. A code that LocalLLM lacks becomes the nearest one. The message has the exact cause. */
const WIRE_CODES: Readonly<Record<ErrorCode, LocalLlmCode>> = {
  INVALID_SERVER_ID: 'INVALID_SERVER_ID',
  CONNECT_FAILED: 'CONNECT_FAILED',
  HOST_OFFLINE: 'HOST_OFFLINE',
  HOST_DISCONNECTED: 'HOST_DISCONNECTED',
  OLLAMA_NOT_FOUND: 'OLLAMA_NOT_FOUND',
  OLLAMA_MODEL_NOT_AVAILABLE: 'OLLAMA_MODEL_NOT_AVAILABLE',
  MODEL_BUSY: 'MODEL_BUSY',
  GENERATION_FAILED: 'GENERATION_FAILED',
  GENERATION_ABORTED: 'GENERATION_ABORTED',
  BAD_MESSAGE: 'BAD_MESSAGE',
  UNSUPPORTED_VERSION: 'UNSUPPORTED_VERSION',
  TIMEOUT_NO_RESPONSE: 'TIMEOUT_NO_RESPONSE',
  OVERLOADED: 'MODEL_BUSY',
  QUEUE_FULL: 'MODEL_BUSY',
  MODEL_NOT_FOUND: 'OLLAMA_MODEL_NOT_AVAILABLE',
  INVALID_REQUEST: 'BAD_MESSAGE',
  CONTEXT_EXCEEDED: 'GENERATION_FAILED',
  UNAUTHORIZED: 'CONNECT_FAILED',
  WORKER_LOST: 'GENERATION_FAILED',
  DEADLINE_EXCEEDED: 'TIMEOUT_NO_RESPONSE',
  STORAGE_FULL: 'GENERATION_FAILED',
  INTERNAL: 'GENERATION_FAILED',
};

/** `requestId` is undefined for a fault that belongs to no request. */
export function errorMessage(error: ShoalError, requestId?: string): object {
  return {
    type: 'error',
    request_id: requestId,
    payload: { code: WIRE_CODES[error.code], message: error.message },
  };
}

/**
 * Reads an error. An unknown code becomes `GENERATION_FAILED`, with the code in front of the message. Unreadable fields are
 * ignored, because an error is never answered with an error.
 */
export function readError(message: JsonObject): ShoalError {
  const payload = isObject(message['payload']) ? message['payload'] : {};
  const { code, message: text } = payload;
  const reason =
    typeof text === 'string' && text !== '' ? cutErrorMessage(text) : 'The other side failed without a reason.';
  const known = CODES.find((name) => name === code);
  if (known !== undefined) return new ShoalError(known, reason);
  return ShoalError.generationFailed(
    typeof code === 'string' && code !== '' ? `${code.slice(0, 64)}: ${reason}` : reason,
  );
}
