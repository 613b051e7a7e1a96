import type { InferenceRequest } from '@shoal/protocol/request';
import { type ErrorCode, ShoalError } from '@shoal/protocol/error';
import type { GenerationEvent } from '@shoal/client';
import type { NodeControl } from '../../api.ts';
import type { ModelRoute } from './model-route.ts';

/** Errors that another model may not have. */
const MODEL_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONNECT_FAILED',
  'GENERATION_ABORTED',
  'GENERATION_FAILED',
  'HOST_DISCONNECTED',
  'HOST_OFFLINE',
  'MODEL_BUSY',
  'MODEL_NOT_FOUND',
  'OLLAMA_MODEL_NOT_AVAILABLE',
  'OLLAMA_NOT_FOUND',
  'OVERLOADED',
  'QUEUE_FULL',
  'TIMEOUT_NO_RESPONSE',
  'WORKER_LOST',
]);

/**
 * The events of one answer, from the first model of a list that gives one. Another model is asked only while there is no part
 * of the answer yet.
 */
export class CallAnswer {
  readonly #node: Pick<NodeControl, 'prompt'>;
  readonly #request: InferenceRequest;
  readonly #routes: readonly ModelRoute[];
  readonly #startedAt = performance.now();
  #next = 0;
  #hasBegun = false;
  #firstError: ShoalError | undefined;
  #events: AsyncIterator<GenerationEvent> | undefined;
  #isCancelled = false;

  /** `request` has no model. `routes` has at least one item. */
  constructor(node: Pick<NodeControl, 'prompt'>, request: InferenceRequest, routes: readonly ModelRoute[]) {
    this.#node = node;
    this.#request = request;
    this.#routes = routes;
  }

  /** Resolves with the next event. Undefined after the terminal one, and once the answer was cancelled. */
  async next(): Promise<GenerationEvent | undefined> {
    while (!this.#isCancelled) {
      try {
        this.#events ??= this.#begin();
        const next = await this.#events.next();
        if (next.done === true) return undefined;
        const { value: event } = next;
        if (event.type === 'error') throw event.error;
        // Nobody here has cancelled it.
        if (event.type === 'finish' && event.reason === 'abort') throw ShoalError.unaskedAbort();
        if (event.type !== 'queued' && event.type !== 'worker') this.#hasBegun = true;
        return event;
      } catch (thrown) {
        const error = ShoalError.from(thrown);
        const shown = this.#failed(error);
        if (!this.#maySkip(error)) return { type: 'error', error: shown };
      }
    }
    return undefined;
  }

  /** Stops the worker at once. */
  cancel(): void {
    this.#isCancelled = true;
    void this.#events?.return?.();
  }

  /** The deadline is that of the whole call. Throws `DEADLINE_EXCEEDED`. */
  #begin(): AsyncIterator<GenerationEvent> {
    const route = this.#routes[this.#next++];
    const { deadlineMs } = this.#request;
    const left = deadlineMs === undefined ? undefined : Math.ceil(deadlineMs - (performance.now() - this.#startedAt));
    if (left !== undefined && left <= 0) throw ShoalError.deadlineExceeded();
    const request = { ...this.#request, model: route?.model, deadlineMs: left };
    return this.#node.prompt({ request, cluster: route?.cluster })[Symbol.asyncIterator]();
  }

  /** Returns true, and forgets the failed attempt, if the next model may be asked. */
  #maySkip(error: ShoalError): boolean {
    if (this.#hasBegun || this.#next >= this.#routes.length || !MODEL_ERRORS.has(error.code)) return false;
    this.#events = undefined;
    return true;
  }

  /** Before the answer has begun, the error of the preferred model says more than that of the last one, except a deadline. */
  #failed(error: ShoalError): ShoalError {
    this.#firstError ??= error;
    return this.#hasBegun || error.code === 'DEADLINE_EXCEEDED' ? error : this.#firstError;
  }
}
