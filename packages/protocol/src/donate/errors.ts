import { type ErrorCode, ShoalError } from '../error.ts';
import { cutErrorMessage } from '../peer-text.ts';
import { MAX_JOB_BYTES } from './messages.ts';

/** The dialect has error texts and no codes. Undefined: the error's own message is sent. */
const TEXTS: Readonly<Record<ErrorCode, string | undefined>> = {
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

/** Returns the text that is sent for an error. */
export function errorText(error: ShoalError): string {
  return TEXTS[error.code] ?? error.message;
}

/** Texts that refuse one message or upload because of a fault of its sender. */
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
/** Anything but a job and a chunk. */
export const MESSAGE_TOO_LONG = `a message may have at most ${MAX_JOB_BYTES} bytes`;

export function sizeMismatch(got: number, expected: number): string {
  return `weights size mismatch: got ${got} expect ${expected}`;
}

/** `format` is the one in the configuration or in the file. */
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
  MESSAGE_TOO_LONG,
  'bad weights_len',
];
const REFUSAL_BEGINNINGS = ['weights ', 'unsupported format: ', 'unknown type: ', 'upload ', 'duplicate job_id: '];

/** Returns the error for a node's text. Unknown texts become `GENERATION_FAILED`. */
export function readErrorText(text: string | undefined): ShoalError {
  if (text === undefined || text === '') {
    return ShoalError.generationFailed('The node failed without a reason.');
  }
  return new ShoalError(codeOf(text), cutErrorMessage(text));
}

function codeOf(text: string): ErrorCode {
  if (text === 'queue full') return 'QUEUE_FULL';
  if (text === 'storage full') return 'STORAGE_FULL';
  if (text === 'bad message') return 'BAD_MESSAGE';
  if (text === NOT_MOUNTED) return 'MODEL_NOT_FOUND';
  const isRefusal = REFUSALS.includes(text) || REFUSAL_BEGINNINGS.some((beginning) => text.startsWith(beginning));
  return isRefusal ? 'INVALID_REQUEST' : 'GENERATION_FAILED';
}
