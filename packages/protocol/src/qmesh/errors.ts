import { type ErrorCode, ShoalError } from '../error.ts';
import { cutErrorMessage } from '../peer-text.ts';

/** The answer of a worker that is too busy, or whose queue is full. */
export const OVERLOADED_TEXT = 'Worker overloaded, rejecting request';
/** The answer to a request without a prompt. */
export const MISSING_PROMPT_TEXT = 'Missing prompt in request';

/** The text of each error, because the dialect has no codes: a fixed text for a refusal, the message for everything else. */
const TEXTS: Readonly<Record<ErrorCode, 'overloaded' | 'message'>> = {
  INVALID_SERVER_ID: 'message',
  CONNECT_FAILED: 'message',
  HOST_OFFLINE: 'message',
  HOST_DISCONNECTED: 'message',
  OLLAMA_NOT_FOUND: 'message',
  OLLAMA_MODEL_NOT_AVAILABLE: 'message',
  MODEL_BUSY: 'overloaded',
  GENERATION_FAILED: 'message',
  GENERATION_ABORTED: 'message',
  BAD_MESSAGE: 'message',
  UNSUPPORTED_VERSION: 'message',
  TIMEOUT_NO_RESPONSE: 'message',
  OVERLOADED: 'overloaded',
  QUEUE_FULL: 'overloaded',
  MODEL_NOT_FOUND: 'message',
  INVALID_REQUEST: 'message',
  CONTEXT_EXCEEDED: 'message',
  UNAUTHORIZED: 'message',
  WORKER_LOST: 'message',
  DEADLINE_EXCEEDED: 'message',
  STORAGE_FULL: 'message',
  INTERNAL: 'message',
};

/** Returns the text of an `inference_error`. */
export function errorText(error: ShoalError): string {
  return TEXTS[error.code] === 'overloaded' ? OVERLOADED_TEXT : error.message;
}

/** Returns the error of an `inference_error`'s text. */
export function readError(text: string): ShoalError {
  if (text === OVERLOADED_TEXT) return new ShoalError('OVERLOADED', text);
  if (text === MISSING_PROMPT_TEXT) return ShoalError.invalidRequest(text);
  return ShoalError.generationFailed(text === '' ? 'The worker failed without a reason.' : cutErrorMessage(text));
}
