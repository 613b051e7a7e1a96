import type { InferenceEvent, TerminalEvent } from '@shoal/protocol';
import type { OutputEvent } from './messages.ts';
import type { ModelProcess } from './model-process.ts';

/** The events of one answer that the consumer has not taken yet. The child bounds their number. */
export class AnswerQueue {
  promptTokens = 0;
  cachedTokens = 0;
  /** The process that generates the answer; undefined before and after. */
  process: ModelProcess | undefined;
  /** Tokens of the events that were taken. */
  takenTokens = 0;
  #events: OutputEvent[] = [];
  #end: TerminalEvent | undefined;
  #wake: (() => void) | undefined;

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Adds an event. Consecutive texts become one event, and so do consecutive pieces of reasoning. */
  push(event: OutputEvent): void {
    if (this.#end !== undefined) return;
    const last = this.#events.at(-1);
    const whole = last === undefined ? undefined : joined(last, event);
    if (whole === undefined) this.#events.push(event);
    else this.#events[this.#events.length - 1] = whole;
    this.#wake?.();
  }

  /** Sets the terminal event. Only the first one counts. */
  end(event: TerminalEvent): void {
    this.#end ??= event;
    this.#wake?.();
  }

  /** Drops the events and ends the answer, because the consumer has cancelled the request. */
  abort(): void {
    if (this.#end !== undefined) return;
    this.#events = [];
    const { promptTokens, takenTokens: completionTokens } = this;
    this.end({ type: 'finish', reason: 'abort', rawReason: 'signal', usage: { promptTokens, completionTokens } });
  }

  /** Resolves with the next event. The last one is terminal. */
  async take(): Promise<InferenceEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) {
        if ('tokens' in event) this.takenTokens += event.tokens.length;
        return event;
      }
      if (this.#end !== undefined) return this.#end;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Returns two events as one, or undefined if that is not possible. */
function joined(one: OutputEvent, other: OutputEvent): OutputEvent | undefined {
  if (one.type === 'reasoning' && other.type === 'reasoning') {
    return { type: 'reasoning', text: one.text + other.text, tokens: [...one.tokens, ...other.tokens] };
  }
  if (one.type !== 'text' || other.type !== 'text') return undefined;
  const logprobs = [...(one.logprobs ?? []), ...(other.logprobs ?? [])];
  return {
    type: 'text',
    text: one.text + other.text,
    tokens: [...one.tokens, ...other.tokens],
    ...(logprobs.length > 0 && { logprobs }),
  };
}
