import type { InferenceEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import { type InferenceRequest, promptInput } from '@shoal/protocol/request';
import type { Exchange } from '@shoal/transport';

const REQUEST: InferenceRequest = { input: promptInput('Hi'), sampling: {}, stop: [] };

/** An exchange that records the events sent to the peer. */
export class RecordedExchange implements Exchange {
  readonly id = 1;
  readonly request: InferenceRequest;
  readonly events: InferenceEvent[] = [];
  readonly done = Promise.withResolvers<void>();
  readonly first = Promise.withResolvers<void>();
  ended = false;
  #listeners: ((why: ShoalError) => void)[] = [];

  constructor(asked: Partial<InferenceRequest> = {}) {
    this.request = { ...REQUEST, ...asked };
  }

  async send(event: InferenceEvent): Promise<boolean> {
    if (this.ended) return false;
    this.events.push(event);
    this.first.resolve();
    if (event.type === 'finish' || event.type === 'error') this.#end();
    return !this.ended;
  }

  onAbort(listener: (why: ShoalError) => void): void {
    this.#listeners.push(listener);
  }

  abort(): void {
    this.#end();
    for (const listener of this.#listeners) listener(ShoalError.aborted('gone'));
  }

  get code(): string | undefined {
    const last = this.events.at(-1);
    return last?.type === 'error' ? last.error.code : last?.type;
  }

  #end(): void {
    this.ended = true;
    this.done.resolve();
  }
}
