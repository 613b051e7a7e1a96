import { type ErrorCode, ShoalError } from '../error.ts';
import { MAX_JOB_BYTES } from './messages.ts';

/** The dialect has no codes, only words; where it has none for a code of ours the error's own message is said. */
const WORDS: Readonly<Record<ErrorCode, string | undefined>> = {
  INVALID_SERVER_ID: undefined,
  CONNECT_FAILED: undefined,
  HOST_OFFLINE: undefined,
  HOST_DISCONNECTED: undefined,
  OLLAMA_NOT_FOUND: undefined,
  OLLAMA_MODEL_NOT_AVAILABLE: undefined,
  MODEL_BUSY: 'queue full',
  GENERATION_FAILED: undefined,
  GENERATION_ABORTED: undefined,
  BAD_MESSAGE: 'bad message',
  UNSUPPORTED_VERSION: 'bad message',
  TIMEOUT_NO_RESPONSE: undefined,
  OVERLOADED: undefined,
  QUEUE_FULL: 'queue full',
  MODEL_NOT_FOUND: undefined,
  INVALID_REQUEST: undefined,
  CONTEXT_EXCEEDED: undefined,
  UNAUTHORIZED: undefined,
  WORKER_LOST: undefined,
  DEADLINE_EXCEEDED: undefined,
  STORAGE_FULL: 'storage full',
  INTERNAL: undefined,
};

/** What stands on the wire for an error. */
export function errorWords(error: ShoalError): string {
  return WORDS[error.code] ?? error.message;
}

/** The words that are refusals of this one message or upload, and so faults of whoever sent it. */
export const NOT_ENABLED = 'model_push not enabled on this node';
export const SEND_PROMPT = 'this node is local_lm; send prompt, not infer';
export const SEND_INFER = 'this node is model_push; mount model and send infer';
export const NOT_MOUNTED = 'model not mounted';
export const NO_CONFIG = 'no config';
export const BAD_BASE64 = 'weights b64 decode';
export const OVERFLOW = 'weights overflow';
export const INDEX_GAP = 'weights index gap';
export const OVERLAP = 'weights overlap';
export const UPLOAD_IDLE = 'upload timed out';
export const JOB_TOO_LONG = `a job may have at most ${MAX_JOB_BYTES} bytes`;

export function sizeMismatch(got: number, expected: number): string {
  return `weights size mismatch: got ${got} expect ${expected}`;
}

/** `format` as the configuration or the file itself says it. */
export function unsupportedFormat(format: string): string {
  return `unsupported format: ${format}, expected gguf`;
}

export function unknownType(type: string): string {
  return `unknown type: ${type}`;
}

export function digestMismatch(): ShoalError {
  return ShoalError.invalidRequest('weights sha256 mismatch');
}

const REFUSALS: readonly string[] = [
  NOT_ENABLED,
  SEND_PROMPT,
  SEND_INFER,
  NO_CONFIG,
  BAD_BASE64,
  JOB_TOO_LONG,
  'bad weights_len',
];
const REFUSAL_BEGINNINGS = ['weights ', 'unsupported format: ', 'unknown type: ', 'upload ', 'duplicate job_id: '];

/** The error that a node's words stand for. Whatever is not known is a job that failed. */
export function readErrorWords(words: string | undefined): ShoalError {
  if (words === undefined || words === '') {
    return ShoalError.generationFailed('The node failed and did not say why.');
  }
  return new ShoalError(codeOf(words), words);
}

function codeOf(words: string): ErrorCode {
  if (words === 'queue full') return 'QUEUE_FULL';
  if (words === 'storage full') return 'STORAGE_FULL';
  if (words === 'bad message') return 'BAD_MESSAGE';
  if (words === NOT_MOUNTED) return 'MODEL_NOT_FOUND';
  const isRefusal = REFUSALS.includes(words) || REFUSAL_BEGINNINGS.some((beginning) => words.startsWith(beginning));
  return isRefusal ? 'INVALID_REQUEST' : 'GENERATION_FAILED';
}
