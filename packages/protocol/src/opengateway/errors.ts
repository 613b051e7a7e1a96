import { type ErrorCode, ShoalError } from '../error.ts';
import { cutErrorMessage } from '../peer-text.ts';

/** OpenGateway has no error message. It reports a failure as a response that begins with this text. */
const ERROR_PREFIX = '[error]';

/**
 * Says if an error is sent. OpenGateway's prompt tool uses the first answer of any peer, so a worker that did not accept the
 * request must not answer: another worker may.
 */
const HANDLING: Readonly<Record<ErrorCode, 'send' | 'ignore'>> = {
  INVALID_SERVER_ID: 'ignore',
  CONNECT_FAILED: 'ignore',
  HOST_OFFLINE: 'ignore',
  HOST_DISCONNECTED: 'ignore',
  OLLAMA_NOT_FOUND: 'ignore',
  OLLAMA_MODEL_NOT_AVAILABLE: 'ignore',
  MODEL_BUSY: 'ignore',
  GENERATION_FAILED: 'send',
  GENERATION_ABORTED: 'send',
  BAD_MESSAGE: 'ignore',
  UNSUPPORTED_VERSION: 'ignore',
  TIMEOUT_NO_RESPONSE: 'send',
  OVERLOADED: 'ignore',
  QUEUE_FULL: 'ignore',
  MODEL_NOT_FOUND: 'ignore',
  INVALID_REQUEST: 'send',
  CONTEXT_EXCEEDED: 'send',
  UNAUTHORIZED: 'ignore',
  WORKER_LOST: 'send',
  DEADLINE_EXCEEDED: 'send',
  STORAGE_FULL: 'ignore',
  INTERNAL: 'send',
};

/** Returns the response text for an error. Undefined if the error is not sent. */
export function errorResponse(error: ShoalError): string | undefined {
  return HANDLING[error.code] === 'send' ? `${ERROR_PREFIX} ${error.message}` : undefined;
}

/** Returns the error that a response text reports. Undefined if it reports none. */
export function readErrorResponse(response: string): ShoalError | undefined {
  if (!response.startsWith(ERROR_PREFIX)) return undefined;
  const reason = response.slice(ERROR_PREFIX.length).trim();
  return ShoalError.generationFailed(reason === '' ? 'The peer failed without a reason.' : cutErrorMessage(reason));
}
