import { type InferenceEvent, isTerminal } from '@shoal/protocol';
import type { Privacy } from '@shoal/network';
import { Cancellation, type CancelSignal } from './cancel.ts';

/** The worker that answers: yielded before the first piece of the answer, and again when another worker continues. */
export interface WorkerChosen {
  readonly type: 'worker';
  readonly name: string;
  /** Public key in hex, or the dialled address. */
  readonly id: string;
  /** The id of its model. Undefined if its dialect does not list models. */
  readonly model?: string | undefined;
  readonly digest?: string | undefined;
  /** Undefined for dialects other than `shoal/1`. */
  readonly privacy?: Privacy | undefined;
  /** The reason for the choice of the model, if the request left it to `auto`. */
  readonly auto?: string | undefined;
  /** The number of workers that were asked, this one included. */
  readonly attempts?: number | undefined;
}

export type GenerationEvent = WorkerChosen | InferenceEvent;

/**
 * A stream of one answer's events, with exactly one terminal event. Leaving the loop, `return` from outside it, or the signal
 * aborts the request at the worker at once, even while the next event is awaited.
 */
export class Generation implements AsyncIterableIterator<GenerationEvent, undefined> {
  readonly #events: AsyncGenerator<GenerationEvent, undefined>;
  readonly #cancellation = new Cancellation();
  /** Undefined if there is no signal. */
  readonly #stopListening: (() => void) | undefined;

  constructor(run: (cancellation: Cancellation) => AsyncGenerator<GenerationEvent, undefined>, signal?: CancelSignal) {
    this.#events = run(this.#cancellation);
    if (signal === undefined) return;
    const abort = (): void => this.abort();
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
    this.#stopListening = () => signal.removeEventListener('abort', abort);
  }

  /** Aborts the request. The last event is `finish` with reason `abort`. */
  abort(): void {
    this.#cancellation.cancel();
  }

  next(): Promise<IteratorResult<GenerationEvent, undefined>> {
    const next = this.#events.next();
    return this.#stopListening === undefined ? next : this.#stopListeningAtEnd(next);
  }

  return(): Promise<IteratorResult<GenerationEvent, undefined>> {
    this.abort();
    this.#stopListening?.();
    return this.#events.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #stopListeningAtEnd(
    next: Promise<IteratorResult<GenerationEvent, undefined>>,
  ): Promise<IteratorResult<GenerationEvent, undefined>> {
    const result = await next;
    if (result.done === true || (result.value.type !== 'worker' && isTerminal(result.value))) this.#stopListening?.();
    return result;
  }
}
