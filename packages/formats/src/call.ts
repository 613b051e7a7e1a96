import type { FinishEvent, ReasoningEvent, TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { ShoalError } from '@shoal/protocol/error';
import type { CompletedAnswer } from './answer.ts';

/** One call of an HTTP API that a model answers: the request in the neutral form, and the form of its answer. */
export interface Call {
  /**
   * The names of the models to try, the preferred one first, as the caller wrote them. An empty list means the default
   * model of the node.
   */
  readonly models: readonly string[];
  /** Without `model`. */
  readonly request: InferenceRequest;
  /** The number of answers to generate, at least 1. */
  readonly count: number;
  readonly streams: boolean;
  /** True if the call only loads or unloads the model. A model that cannot count tokens is then left as it is. */
  readonly loadsModel?: boolean | undefined;
  /** Returns the body of a whole answer. `answers` has `count` items. */
  write(answers: readonly CompletedAnswer[], context: AnswerContext): object;
  /** Starts a streamed answer. */
  stream(context: AnswerContext): AnswerWriter;
}

/** The facts about an answer that are not part of its events. */
export interface AnswerContext {
  /** A random id of letters and digits. Each API puts its own prefix in front. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** The arrival of the call on the monotonic clock `now`, in milliseconds. */
  readonly startedAt: number;
  readonly now: () => number;
  /** Returns the time of the first event of the answer on that clock. Undefined before it. */
  readonly beganAt: () => number | undefined;
  /** Returns the name of the model that answers. Until a worker is chosen: the requested one. */
  readonly model: () => string;
  /** Returns the name of the peer that answers. Undefined for this node's own engine, and until a worker is chosen. */
  readonly peer: () => string | undefined;
}

/** Events of an answer that an API writes. An answer ends with `finish`; its reason is never `abort`. */
export type WrittenEvent = TextEvent | ReasoningEvent | ToolCallEvent | FinishEvent;

/**
 * Writes a streamed answer. Every method returns the text to send, which may be empty. Calls come in this order: `begin`;
 * any number of `event`, `keepAlive` and `moved`; then `end` or `fail`. `event` may throw a `ShoalError`, which fails the
 * answer.
 */
export interface AnswerWriter {
  /** The header `Content-Type`. */
  readonly contentType: string;
  /**
   * True if the body ends properly after `fail`. Default: the connection is closed without an end of the body, because most
   * clients take a proper end for success.
   */
  readonly endsAfterFailure?: boolean | undefined;
  begin(): string;
  /** `choice` is the index of the answer, from 0. */
  event(event: WrittenEvent, choice: number): string;
  /** Returns what keeps the connection alive while there is nothing else to send. */
  keepAlive(): string;
  /** Another worker continues the answer. */
  moved(worker: string): string;
  fail(error: ShoalError): string;
  end(): string;
}

/** An error response of an API. */
export interface ErrorResponse {
  readonly status: number;
  readonly body: object;
}

/**
 * Writes an error in the form of an API. `status` is the HTTP status for the error's code, or a more exact one: 403 (the
 * token lacks a scope), 413 (the body is too large), 415 or 429 (the token's rate is exceeded).
 */
export type WriteError = (error: ShoalError, status: number, requestId: string) => ErrorResponse;
