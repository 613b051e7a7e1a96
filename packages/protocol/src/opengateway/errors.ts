import { type ErrorCode, ShoalError } from '../error.ts';

/** The dialect has no error message: its program says failures as a response that begins so. */
const ERROR_MARK = '[error]';

/**
 * What a failure is called: a word, or silence. Its prompt tool takes the first answer of any peer, so whoever did not
 * take the job up must not answer it: another may.
 */
const WORDS: Readonly<Record<ErrorCode, 'say' | 'silence'>> = {
  INVALID_SERVER_ID: 'silence',
  CONNECT_FAILED: 'silence',
  HOST_OFFLINE: 'silence',
  HOST_DISCONNECTED: 'silence',
  OLLAMA_NOT_FOUND: 'silence',
  OLLAMA_MODEL_NOT_AVAILABLE: 'silence',
  MODEL_BUSY: 'silence',
  GENERATION_FAILED: 'say',
  GENERATION_ABORTED: 'say',
  BAD_MESSAGE: 'silence',
  UNSUPPORTED_VERSION: 'silence',
  TIMEOUT_NO_RESPONSE: 'say',
  OVERLOADED: 'silence',
  QUEUE_FULL: 'silence',
  MODEL_NOT_FOUND: 'silence',
  INVALID_REQUEST: 'say',
  CONTEXT_EXCEEDED: 'say',
  UNAUTHORIZED: 'silence',
  WORKER_LOST: 'say',
  DEADLINE_EXCEEDED: 'say',
  STORAGE_FULL: 'silence',
  INTERNAL: 'say',
};

/** The response text that stands for an error; undefined for silence. */
export function errorResponse(error: ShoalError): string | undefined {
  return WORDS[error.code] === 'say' ? `${ERROR_MARK} ${error.message}` : undefined;
}

/** The error that a response text stands for, if it stands for one. */
export function readErrorResponse(response: string): ShoalError | undefined {
  if (!response.startsWith(ERROR_MARK)) return undefined;
  const words = response.slice(ERROR_MARK.length).trim();
  return ShoalError.generationFailed(words === '' ? 'The peer failed and did not say why.' : words);
}
