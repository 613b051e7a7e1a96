/** Handles Ctrl-C in a chat: it stops the current answer; without one it ends the chat. */
export class Interrupts {
  readonly #leaving = new AbortController();
  readonly #onInterrupt = (): void => this.interrupt();
  readonly #onEnd = (): void => this.leave();
  #answer: AbortController | undefined;

  constructor() {
    process.on('SIGINT', this.#onInterrupt);
    for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, this.#onEnd);
  }

  /** Aborts when the chat ends. */
  get left(): AbortSignal {
    return this.#leaving.signal;
  }

  /** Acts like Ctrl-C, for terminals in raw mode, where it is a key. */
  interrupt(): void {
    if (this.#answer === undefined || this.#answer.signal.aborted) this.leave();
    else this.#answer.abort();
  }

  leave(): void {
    this.#leaving.abort();
    this.#answer?.abort();
  }

  /** Runs one answer with a signal that stops it. */
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
