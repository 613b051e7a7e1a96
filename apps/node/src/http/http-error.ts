import { type ErrorCode, ShoalError } from '@shoal/protocol/error';
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

/** Seconds that a client is told to wait if a busy worker names no time. */
const RETRY_AFTER_S = 1;
const RETRY_STATUSES: ReadonlySet<number> = new Set([429, 503]);

/** An error whose status is more exact than that of its code. */
export class HttpError extends Error {
  readonly status: number;
  readonly error: ShoalError;

  constructor(status: number, error: ShoalError) {
    super(error.message, { cause: error });
    this.status = status;
    this.error = error;
  }
}

/** An error with its HTTP status. */
export interface Failure {
  readonly status: number;
  readonly error: ShoalError;
}

/** Returns a thrown value as an error with a status. Fastify's own refusals keep their status. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof HttpError) return thrown;
  if (thrown instanceof Error && 'statusCode' in thrown && typeof thrown.statusCode === 'number') {
    const { statusCode: status, message } = thrown;
    // Their messages (an unknown content type, a bad URL) are fit for users.
    if (status >= 400 && status < 500) return { status, error: ShoalError.invalidRequest(message) };
  }
  const error = ShoalError.from(thrown);
  return { status: STATUS_OF[error.code], error };
}

/** Returns the value of the header `Retry-After`, in seconds. Undefined if a retry does not help. */
export function retryAfter({ status, error }: Failure): number | undefined {
  if (error.retryAfterMs !== undefined) return Math.ceil(error.retryAfterMs / 1_000);
  return RETRY_STATUSES.has(status) ? RETRY_AFTER_S : undefined;
}

/** Returns an error as the control API reports it, without its cause. */
export function errorView({ code, message, retryAfterMs }: ShoalError): ErrorView {
  return { code, message, retryAfterMs };
}
