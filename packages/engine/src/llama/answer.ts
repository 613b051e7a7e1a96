import type { InferenceEvent, TerminalEvent } from '@shoal/protocol';

/** What has come of an answer and was not taken yet: at most one text, which grows, and the end. */
export class Answer {
  promptTokens = 0;
  /** The child works on it. */
  isRunning = false;
  /** Tokens whose text was taken. */
  takenTokens = 0;
  #text: { text: string; tokens: number[] } | undefined;
  #end: TerminalEvent | undefined;
  #wake: (() => void) | undefined;

  get ended(): boolean {
    return this.#end !== undefined;
  }

  push(text: string, tokens: readonly number[]): void {
    if (this.#end !== undefined) return;
    if (this.#text === undefined) {
      this.#text = { text, tokens: [...tokens] };
    } else {
      this.#text.text += text;
      this.#text.tokens.push(...tokens);
    }
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
    this.#text = undefined;
    const usage = { promptTokens: this.promptTokens, completionTokens: this.takenTokens };
    this.end({ type: 'finish', reason: 'abort', rawReason: 'signal', usage });
  }

  /** The next event; after a terminal one there is none. */
  async take(): Promise<InferenceEvent> {
    for (;;) {
      if (this.#text !== undefined) {
        const { text, tokens } = this.#text;
        this.#text = undefined;
        this.takenTokens += tokens.length;
        return { type: 'text', text, tokens };
      }
      if (this.#end !== undefined) return this.#end;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
