import { type ErrorCode, ShoalError } from '../error.ts';
import { isObject, type JsonObject } from '../json.ts';

/** The codes that travel on this wire. */
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

/** What each of our codes is called; one that the dialect lacks is its nearest, and the message has the precise cause. */
const WORDS: Readonly<Record<ErrorCode, LocalLlmCode>> = {
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

/** The longest message of a peer's error that is kept, in UTF-16 units. */
const MAX_ERROR_MESSAGE_LENGTH = 1_024;

/** `requestId` is absent for a fault that belongs to no request. */
export function errorMessage(error: ShoalError, requestId?: string): object {
  return {
    type: 'error',
    request_id: requestId,
    payload: { code: WORDS[error.code], message: error.message },
  };
}

/**
 * A code that the dialect does not have becomes `GENERATION_FAILED`, and stands before the words. What cannot be read is
 * left out: an error is never answered with an error.
 */
export function readError(message: JsonObject): ShoalError {
  const payload = isObject(message['payload']) ? message['payload'] : {};
  const { code, message: words } = payload;
  const why =
    typeof words === 'string' && words !== ''
      ? words.slice(0, MAX_ERROR_MESSAGE_LENGTH)
      : 'The other side failed and did not say why.';
  const known = CODES.find((name) => name === code);
  if (known !== undefined) return new ShoalError(known, why);
  return ShoalError.generationFailed(typeof code === 'string' && code !== '' ? `${code.slice(0, 64)}: ${why}` : why);
}
