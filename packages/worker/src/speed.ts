/** How much the newest generation counts. */
const NEWEST_WEIGHT = 0.3;

/** Tokens per second that recent generations reached, the newest counting most. */
export class SpeedGauge {
  #tokensPerSecond: number | undefined;

  get tokensPerSecond(): number | undefined {
    return this.#tokensPerSecond;
  }

  /** `milliseconds` from the first token to the last; the first one is the prompt's time, and not counted. */
  add(tokens: number, milliseconds: number): void {
    if (tokens < 2 || milliseconds <= 0) return;
    const reached = ((tokens - 1) * 1000) / milliseconds;
    const before = this.#tokensPerSecond ?? reached;
    this.#tokensPerSecond = before + NEWEST_WEIGHT * (reached - before);
  }
}
