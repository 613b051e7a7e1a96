import { type InferenceEvent, isTerminal } from '@shoal/protocol';

interface Waiting {
  readonly event: InferenceEvent;
  readonly bytes: number;
}

export interface AnswerStreamHandlers {
  /** The reader has read an event of this size on the wire. */
  consumed(bytes: number): void;
  /** The reader stopped before the end. */
  abandon(): void;
}

/**
 * The events of one answer, for one reader. The credit of the session bounds the events that wait here: it is granted again
 * only when the reader has read them. Queue positions use no credit: only the latest one waits.
 */
export class AnswerStream implements AsyncIterableIterator<InferenceEvent, undefined> {
  readonly #handlers: AnswerStreamHandlers;
  readonly #waiting: Waiting[] = [];
  #reader: ((result: IteratorResult<InferenceEvent, undefined>) => void) | undefined;
  #isComplete = false;
  #hasReturned = false;

  constructor(handlers: AnswerStreamHandlers) {
    this.#handlers = handlers;
  }

  push(event: InferenceEvent, bytes: number): void {
    if (this.#isComplete) return;
    this.#isComplete = isTerminal(event);
    const reader = this.#reader;
    if (reader === undefined) {
      if (event.type === 'queued' && this.#waiting.at(-1)?.event.type === 'queued') this.#waiting.pop();
      this.#waiting.push({ event, bytes });
      return;
    }
    this.#reader = undefined;
    reader({ value: event, done: false });
    this.#consumed(bytes);
  }

  next(): Promise<IteratorResult<InferenceEvent, undefined>> {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#consumed(waiting.bytes);
      return Promise.resolve({ value: waiting.event, done: false });
    }
    if (this.#isComplete) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  /** Cancels the request if it still runs. Its last event is then `finish` with reason `abort`. */
  abort(): void {
    if (!this.#isComplete) this.#handlers.abandon();
  }

  /** Called when the reader leaves its loop: cancels the request if it still runs, and drops unread events. */
  return(): Promise<IteratorResult<InferenceEvent, undefined>> {
    if (!this.#hasReturned) {
      this.#hasReturned = true;
      this.abort();
      this.#isComplete = true;
      this.#waiting.length = 0;
      this.#reader?.({ value: undefined, done: true });
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #consumed(bytes: number): void {
    if (bytes > 0) this.#handlers.consumed(bytes);
  }
}
