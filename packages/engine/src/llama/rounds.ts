/**
 * Makes the generations that run at once take their steps together, so that each step of all is one batch. Left alone,
 * the first to have its token would begin the next batch without the others, and the model would be read once for each.
 */
export class Rounds {
  #members = 0;
  #waiting: (() => void)[] = [];

  join(): void {
    this.#members++;
  }

  leave(): void {
    this.#members--;
    this.#begin();
  }

  /** Resolves when every member waits for its next step. */
  async next(): Promise<void> {
    if (this.#members === 1) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#begin();
    });
  }

  #begin(): void {
    if (this.#waiting.length < this.#members) return;
    const ready = this.#waiting.splice(0);
    // Not before the batch that brought the last one here is put away.
    setImmediate(() => {
      for (const step of ready) step();
    });
  }
}
