import type { InferenceEvent, TerminalEvent, TextEvent } from '@shoal/protocol';
import type { AnswerEvent } from './messages.ts';

/** What has come of an answer and was not taken yet, and the end. The child bounds how much that can be. */
export class Answer {
  promptTokens = 0;
  cachedTokens = 0;
  /** The child works on it. */
  isRunning = false;
  /** Tokens whose text was taken. */
  takenTokens = 0;
  #events: AnswerEvent[] = [];
  #end: TerminalEvent | undefined;
  #wake: (() => void) | undefined;

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Text that nobody has taken yet grows. */
  push(event: AnswerEvent): void {
    if (this.#end !== undefined) return;
    const last = this.#events.at(-1);
    if (event.type === 'text' && last?.type === 'text') this.#events[this.#events.length - 1] = joined(last, event);
    else this.#events.push(event);
    this.#wake?.();
  }

  /** Only the first end counts. */
  end(event: TerminalEvent): void {
    this.#end ??= event;
    this.#wake?.();
  }

  /** The one who asked takes it back: what was not taken is not worth taking any more. */
  abort(): void {
    if (this.#end !== undefined) return;
    this.#events = [];
    const { promptTokens, takenTokens: completionTokens } = this;
    this.end({ type: 'finish', reason: 'abort', rawReason: 'signal', usage: { promptTokens, completionTokens } });
  }

  /** The next event; after a terminal one there is none. */
  async take(): Promise<InferenceEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) {
        if (event.type !== 'embedding') this.takenTokens += event.tokens.length;
        return event;
      }
      if (this.#end !== undefined) return this.#end;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function joined(one: TextEvent, other: TextEvent): TextEvent {
  const logprobs = [...(one.logprobs ?? []), ...(other.logprobs ?? [])];
  return {
    type: 'text',
    text: one.text + other.text,
    tokens: [...one.tokens, ...other.tokens],
    ...(logprobs.length > 0 && { logprobs }),
  };
}
