import type { JsonObject } from '@shoal/protocol/json';
import { type ErrorCode, ShoalError } from '@shoal/protocol/error';
import type { WriteError } from '../call.ts';
import { objectIn, textIn } from '../json.ts';

/** The longest `Retry-After` that is passed on. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000;
/** The codes and types of OpenAI and llama-server, and the texts of vLLM and of servers without codes. */
const TOO_LONG = /context_length_exceeded|exceed_context_size|maximum context length|context (length|size|window)/i;
/** The text of a missing model's error; that of a missing path has another. */
const MODEL_MISSING = /model/i;

export const failures = {
  brokenOff: (cause: unknown) =>
    ShoalError.generationFailed('The server ended the answer before it was complete.', cause),
  unreadable: (cause: unknown) => ShoalError.generationFailed('The server sent a response that cannot be read.', cause),
  filtered: () => ShoalError.generationFailed('The content filter of the server blocked the answer.'),
  noToolCall: () => ShoalError.generationFailed('The model did not call a tool, although one was required.'),
  noLogprobs: () => ShoalError.generationFailed('The server sends no log probabilities. Remove them from the request.'),
};

export interface ErrorResponse {
  readonly status: number;
  /** The header `Retry-After`: seconds or a date. */
  readonly retryAfter: string | undefined;
  /** The server's own text. It becomes the cause only: it can name files, addresses and accounts. */
  readonly text: string;
}

/** An error response (https://platform.openai.com/docs/guides/error-codes, and what other servers make of it). */
export function readError({ status, retryAfter, text }: ErrorResponse, model: string): ShoalError {
  const cause = `The server answered ${status}: ${text}`;
  if (status >= 400 && status < 500 && TOO_LONG.test(text)) return tooLong(cause);
  switch (status) {
    case 401:
    case 403:
      return new ShoalError('UNAUTHORIZED', 'The server refuses the key, or requires one.', { cause });
    case 404:
      return MODEL_MISSING.test(text)
        ? new ShoalError('MODEL_NOT_FOUND', `The server no longer has the model "${model}".`, { cause })
        : notOffered(cause);
    case 405:
    case 501:
      return notOffered(cause);
    case 429:
    case 503:
      return overloaded(retryAfter, cause);
    default:
      return status >= 400 && status < 500
        ? new ShoalError('INVALID_REQUEST', `The server refuses this request for the model "${model}".`, {
            cause,
          })
        : ShoalError.generationFailed(
            'The server could not answer; the log of the lending node has the reason.',
            cause,
          );
  }
}

/** The error that a chunk of a stream reports instead of the rest of the answer; undefined if it reports none. */
export function readStreamError(chunk: JsonObject): ShoalError | undefined {
  const { error } = chunk;
  if ((error === undefined || error === null) && textIn(chunk, 'object') !== 'error') return undefined;
  const text = JSON.stringify(error ?? chunk);
  const cause = `The server sent an error in the stream: ${text}`;
  if (TOO_LONG.test(text)) return tooLong(cause);
  return ShoalError.generationFailed('The server could not complete the answer.', cause);
}

/** The text of an error response: OpenAI's object, a text, or else the whole body. */
export function errorText(body: JsonObject | undefined, raw: string): string {
  const error = objectIn(body, 'error');
  return error === undefined ? (textIn(body, 'error') ?? raw) : JSON.stringify(error);
}

function tooLong(cause: string): ShoalError {
  return new ShoalError('CONTEXT_EXCEEDED', 'The prompt is longer than the context of the model.', { cause });
}

function notOffered(cause: string): ShoalError {
  return new ShoalError('INVALID_REQUEST', 'The server does not support this request.', { cause });
}

function overloaded(retryAfter: string | undefined, cause: string): ShoalError {
  const seconds = Number(retryAfter ?? Number.NaN);
  const ms = Number.isNaN(seconds) ? Date.parse(retryAfter ?? '') - Date.now() : seconds * 1_000;
  const retryAfterMs = Math.ceil(Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS));
  return new ShoalError('OVERLOADED', 'The server is busy. Try again in a moment.', {
    cause,
    ...(!Number.isNaN(ms) && { retryAfterMs }),
  });
}

/** The fields `type` and `code` of an error. */
type ErrorKind = readonly [type: string, code: string | null];

const INVALID: ErrorKind = ['invalid_request_error', null];
const NO_MODEL: ErrorKind = ['invalid_request_error', 'model_not_found'];
const BUSY: ErrorKind = ['server_error', 'overloaded'];
const TOO_LATE: ErrorKind = ['server_error', 'timeout'];
const FAILED: ErrorKind = ['server_error', 'server_error'];

const KIND_OF_CODE: Readonly<Record<ErrorCode, ErrorKind>> = {
  INVALID_SERVER_ID: INVALID,
  CONNECT_FAILED: FAILED,
  HOST_OFFLINE: FAILED,
  HOST_DISCONNECTED: FAILED,
  OLLAMA_NOT_FOUND: FAILED,
  OLLAMA_MODEL_NOT_AVAILABLE: NO_MODEL,
  MODEL_BUSY: BUSY,
  GENERATION_FAILED: FAILED,
  GENERATION_ABORTED: FAILED,
  BAD_MESSAGE: INVALID,
  UNSUPPORTED_VERSION: INVALID,
  TIMEOUT_NO_RESPONSE: TOO_LATE,
  OVERLOADED: BUSY,
  QUEUE_FULL: BUSY,
  MODEL_NOT_FOUND: NO_MODEL,
  INVALID_REQUEST: INVALID,
  CONTEXT_EXCEEDED: ['invalid_request_error', 'context_length_exceeded'],
  UNAUTHORIZED: ['authentication_error', 'invalid_api_key'],
  WORKER_LOST: FAILED,
  DEADLINE_EXCEEDED: TOO_LATE,
  STORAGE_FULL: FAILED,
  INTERNAL: FAILED,
};

/** Statuses that say more than the code. */
const KIND_OF_STATUS: ReadonlyMap<number, ErrorKind> = new Map([
  [403, ['permission_error', 'insufficient_permissions']],
  [413, ['invalid_request_error', 'request_too_large']],
  [415, ['invalid_request_error', 'unsupported_media_type']],
  [429, ['rate_limit_error', 'rate_limit_exceeded']],
]);

/** The field that the message of an error begins with. */
const FIELD = /^"([A-Za-z_][\w.[\]-]*)"/;

export const writeError: WriteError = (error, status) => ({ status, body: errorBody(error, status) });

/** An error as OpenAI's API writes it. Without a status for one in the middle of a stream. */
export function errorBody({ code, message }: ShoalError, status?: number): object {
  const [type, shown] = KIND_OF_STATUS.get(status ?? 0) ?? KIND_OF_CODE[code];
  return { error: { message, type, param: fieldOf(code, message), code: shown } };
}

function fieldOf(code: ErrorCode, message: string): string | null {
  if (KIND_OF_CODE[code] === NO_MODEL) return 'model';
  return code === 'INVALID_REQUEST' ? (FIELD.exec(message)?.[1] ?? null) : null;
}
