import type { IncomingHttpHeaders } from 'node:http';
import { type JsonObject, ShoalError } from '@shoal/protocol';
import { objectIn, textIn } from '../http/json.ts';

/** No server is waited for longer than it asks, nor longer than this. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000;
/** The codes and types of OpenAI and llama-server, and the words of vLLM and of those that have no code. */
const TOO_LONG = /context_length_exceeded|exceed_context_size|maximum context length|context (length|size|window)/i;
/** What is said of a missing model; a path that is missing is told otherwise. */
const MODEL_MISSING = /model/i;

export const failures = {
  /** For whoever owns the machine: nobody listens there. */
  notFound: (address: URL, cause: unknown) =>
    new ShoalError(
      'CONNECT_FAILED',
      `No server answers at ${address.href}. Start it, or say where it is (--openai-url, OPENAI_BASE_URL).`,
      { cause },
    ),
  /** For whoever owns the machine: something listens there, and it speaks otherwise. */
  notOpenAi: (address: URL, cause: unknown) =>
    new ShoalError(
      'CONNECT_FAILED',
      `What answers at ${address.href} is no OpenAI-compatible server, or is elsewhere on that machine. Say where its API ` +
        'begins (--openai-url, OPENAI_BASE_URL).',
      { cause },
    ),
  /** For whoever owns the machine. */
  keyRefused: (cause: unknown) =>
    new ShoalError(
      'UNAUTHORIZED',
      'The OpenAI-compatible server refuses the key, or wants one. Give it with OPENAI_API_KEY or openaiKey.',
      { cause },
    ),
  modelMissing: (model: string, existing: readonly string[]) => ShoalError.modelNotFound(model, existing),
  noModels: (address: URL) =>
    new ShoalError('MODEL_NOT_FOUND', `The server at ${address.href} lists no model. Load one there.`),
  silent: (ms: number) =>
    new ShoalError('TIMEOUT_NO_RESPONSE', `The server said nothing for ${ms / 1_000} s, and the request was ended.`),
  brokenOff: (cause: unknown) => ShoalError.generationFailed('The server broke the answer off before its end.', cause),
  unreadable: (cause: unknown) => ShoalError.generationFailed('The server answered with what cannot be read.', cause),
  filtered: () => ShoalError.generationFailed('The server withheld the answer: its content filter objected.'),
  noToolCall: () => ShoalError.generationFailed('The model called no tool, though one was required.'),
  noLogprobs: () => ShoalError.generationFailed('The server tells no log probabilities; ask without them.'),
};

/** A reply that is no answer. */
export interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The server's own words, of which none reach a peer: they can name files, addresses and accounts. */
  readonly text: string;
}

/** What a refusal means (https://platform.openai.com/docs/guides/error-codes, and what other servers make of it). */
export function refused({ status, headers, text }: Refusal, model: string): ShoalError {
  const cause = `The server said ${status}: ${text}`;
  if (status >= 400 && status < 500 && TOO_LONG.test(text)) return tooLong(cause);
  switch (status) {
    case 401:
    case 403:
      return failures.keyRefused(cause);
    case 404:
      return MODEL_MISSING.test(text)
        ? new ShoalError('MODEL_NOT_FOUND', `The server no longer has the model "${model}".`, { cause })
        : notOffered(cause);
    case 405:
    case 501:
      return notOffered(cause);
    case 429:
    case 503:
      return overloaded(headers['retry-after'], cause);
    default:
      return status >= 400 && status < 500
        ? new ShoalError('INVALID_REQUEST', `The server does not take this request for the model "${model}".`, {
            cause,
          })
        : ShoalError.generationFailed(
            'The server could not answer; the log of the lending node has the reason.',
            cause,
          );
  }
}

/** The error that a stream says instead of the rest of an answer; undefined where there is none. */
export function errorIn(chunk: JsonObject): ShoalError | undefined {
  const { error } = chunk;
  if ((error === undefined || error === null) && textIn(chunk, 'object') !== 'error') return undefined;
  const text = JSON.stringify(error ?? chunk);
  const cause = `The server said in the stream: ${text}`;
  if (TOO_LONG.test(text)) return tooLong(cause);
  return ShoalError.generationFailed('The server could not complete the answer.', cause);
}

/** What a reply says of its error: OpenAI's object, a text, or whatever it is. */
export function errorText(object: JsonObject | undefined, raw: string): string {
  const error = objectIn(object, 'error');
  return error === undefined ? (textIn(object, 'error') ?? raw) : JSON.stringify(error);
}

/** What is wrong with the server or its key is told to its owner in full: a peer hears no address. */
export function forPeer(error: ShoalError): ShoalError {
  if (error.code === 'CONNECT_FAILED') {
    return new ShoalError('CONNECT_FAILED', 'The server that the lending node asks does not answer.', { cause: error });
  }
  if (error.code === 'UNAUTHORIZED') {
    return ShoalError.generationFailed('The server that the lending node asks refuses it.', error);
  }
  return error;
}

/** Some servers repeat the key that they refuse; what they say is the cause of an error, and is logged. */
export function withoutKey(error: ShoalError, key: string | undefined): ShoalError {
  const { code, message, cause, retryAfterMs } = error;
  if (key === undefined || typeof cause !== 'string' || !cause.includes(key)) return error;
  return new ShoalError(code, message, {
    cause: cause.replaceAll(key, '(the key)'),
    retryAfterMs,
  });
}

function tooLong(cause: string): ShoalError {
  return new ShoalError('CONTEXT_EXCEEDED', 'The prompt is longer than the context of the model.', { cause });
}

function notOffered(cause: string): ShoalError {
  return new ShoalError('INVALID_REQUEST', 'The server does not offer what this request needs.', { cause });
}

/** `Retry-After` is in seconds, or a date. */
function overloaded(retryAfter: string | undefined, cause: string): ShoalError {
  const seconds = Number(retryAfter ?? Number.NaN);
  const ms = Number.isNaN(seconds) ? Date.parse(retryAfter ?? '') - Date.now() : seconds * 1_000;
  const retryAfterMs = Math.ceil(Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS));
  return new ShoalError('OVERLOADED', 'The server has as many requests as it takes. Try again in a moment.', {
    cause,
    ...(!Number.isNaN(ms) && { retryAfterMs }),
  });
}
