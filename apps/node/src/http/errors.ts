import type { ErrorCode, ShoalError } from '@shoal/protocol/error';
import type { ErrorView } from '../api.ts';

/** The HTTP status of each error. */
export const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  INVALID_SERVER_ID: 400,
  CONNECT_FAILED: 502,
  HOST_OFFLINE: 503,
  HOST_DISCONNECTED: 502,
  OLLAMA_NOT_FOUND: 503,
  OLLAMA_MODEL_NOT_AVAILABLE: 404,
  MODEL_BUSY: 503,
  GENERATION_FAILED: 502,
  GENERATION_ABORTED: 503,
  BAD_MESSAGE: 400,
  UNSUPPORTED_VERSION: 400,
  TIMEOUT_NO_RESPONSE: 504,
  OVERLOADED: 503,
  QUEUE_FULL: 503,
  MODEL_NOT_FOUND: 404,
  INVALID_REQUEST: 400,
  CONTEXT_EXCEEDED: 400,
  UNAUTHORIZED: 401,
  WORKER_LOST: 502,
  DEADLINE_EXCEEDED: 504,
  STORAGE_FULL: 507,
  INTERNAL: 500,
};

/** Returns an error as the API reports it, without its cause. */
export function errorView({ code, message, retryAfterMs }: ShoalError): ErrorView {
  return { code, message, retryAfterMs };
}
