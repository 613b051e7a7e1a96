/** What Ctrl-C means in a chat: the end of the answer that is coming, and where none is, the end of the chat. */
export class Interrupts {
  readonly #leaving = new AbortController();
  readonly #onInterrupt = (): void => this.interrupt();
  readonly #onEnd = (): void => this.leave();
  #answer: AbortController | undefined;

  constructor() {
    process.on('SIGINT', this.#onInterrupt);
    for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, this.#onEnd);
  }

  /** Aborted once the chat is to end. */
  get left(): AbortSignal {
    return this.#leaving.signal;
  }

  /** As Ctrl-C does, for terminals in which it is a key. */
  interrupt(): void {
    if (this.#answer === undefined || this.#answer.signal.aborted) this.leave();
    else this.#answer.abort();
  }

  leave(): void {
    this.#leaving.abort();
    this.#answer?.abort();
  }

  /** Runs one answer with the signal that ends it. */
  async during<Value>(answer: (signal: AbortSignal) => Promise<Value>): Promise<Value> {
    this.#answer = new AbortController();
    if (this.left.aborted) this.#answer.abort();
    try {
      return await answer(this.#answer.signal);
    } finally {
      this.#answer = undefined;
    }
  }

  close(): void {
    process.off('SIGINT', this.#onInterrupt);
    for (const name of ['SIGTERM', 'SIGHUP']) process.off(name, this.#onEnd);
  }
}
