import { type ErrorCode, exceededContextOf, type ShoalError } from '@shoal/protocol/error';
import type { WriteError } from '../call.ts';

type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'timeout_error'
  | 'api_error'
  | 'overloaded_error';

/** Anthropic's own status. Its clients try again after it. */
const OVERLOADED_STATUS = 529;

/** The error types (https://docs.anthropic.com/en/api/errors). */
const TYPES: Readonly<Record<ErrorCode, ErrorType>> = {
  INVALID_SERVER_ID: 'invalid_request_error',
  CONNECT_FAILED: 'api_error',
  HOST_OFFLINE: 'api_error',
  HOST_DISCONNECTED: 'api_error',
  OLLAMA_NOT_FOUND: 'api_error',
  OLLAMA_MODEL_NOT_AVAILABLE: 'not_found_error',
  MODEL_BUSY: 'overloaded_error',
  GENERATION_FAILED: 'api_error',
  GENERATION_ABORTED: 'api_error',
  BAD_MESSAGE: 'invalid_request_error',
  UNSUPPORTED_VERSION: 'invalid_request_error',
  TIMEOUT_NO_RESPONSE: 'timeout_error',
  OVERLOADED: 'overloaded_error',
  QUEUE_FULL: 'overloaded_error',
  MODEL_NOT_FOUND: 'not_found_error',
  INVALID_REQUEST: 'invalid_request_error',
  CONTEXT_EXCEEDED: 'invalid_request_error',
  UNAUTHORIZED: 'authentication_error',
  WORKER_LOST: 'api_error',
  DEADLINE_EXCEEDED: 'timeout_error',
  STORAGE_FULL: 'api_error',
  INTERNAL: 'api_error',
};

/** Statuses that are more exact than an error's code. */
const EXACT_TYPES: ReadonlyMap<number, ErrorType> = new Map([
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
]);

export const writeError: WriteError = (error, status, requestId) => {
  const type = EXACT_TYPES.get(status) ?? TYPES[error.code];
  return {
    status: type === 'overloaded_error' ? OVERLOADED_STATUS : status,
    body: errorBody(type, error, requestId),
  };
};

/** Returns the body of the event `error`, which ends a stream that has begun. */
export function writeStreamError(error: ShoalError): object {
  return errorBody(TYPES[error.code], error, null);
}

function errorBody(type: ErrorType, error: ShoalError, requestId: string | null): object {
  return { type: 'error', error: { type, message: messageOf(error) }, request_id: requestId };
}

/** Clients shorten a conversation if they recognize Anthropic's text for a prompt that is too long. */
function messageOf(error: ShoalError): string {
  if (error.code !== 'CONTEXT_EXCEEDED') return error.message;
  const exceeded = exceededContextOf(error);
  if (exceeded === undefined) return 'prompt is too long';
  const { promptTokens, contextLength } = exceeded;
  // A prompt that fills the context leaves no token for the answer.
  const longest = Math.min(contextLength, promptTokens - 1);
  return `prompt is too long: ${promptTokens} tokens > ${longest} maximum`;
}
