import { type ErrorCode, ShoalError } from '../error.ts';

/** What a worker says that is too busy to take a request, or whose queue is full. */
export const OVERLOADED_TEXT = 'Worker overloaded, rejecting request';
/** What answers a request without a prompt. */
export const MISSING_PROMPT_TEXT = 'Missing prompt in request';

/** The dialect has no codes, only texts: a refusal has one of its own, everything else says what went wrong. */
const WORDS: Readonly<Record<ErrorCode, 'overloaded' | 'message'>> = {
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

/** The text of the `inference_error` that stands for an error. */
export function errorText(error: ShoalError): string {
  return WORDS[error.code] === 'overloaded' ? OVERLOADED_TEXT : error.message;
}

/** The error that such a text stands for. */
export function readError(text: string): ShoalError {
  if (text === OVERLOADED_TEXT) return new ShoalError('OVERLOADED', text);
  if (text === MISSING_PROMPT_TEXT) return ShoalError.invalidRequest(text);
  return ShoalError.generationFailed(text === '' ? 'The worker failed and did not say why.' : text);
}
