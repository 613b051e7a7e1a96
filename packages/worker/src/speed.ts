/** The weight of the newest generation in the average. */
const NEWEST_WEIGHT = 0.3;

/** A moving average of the tokens per second of recent generations. */
export class SpeedGauge {
  #tokensPerSecond: number | undefined;

  get tokensPerSecond(): number | undefined {
    return this.#tokensPerSecond;
  }

  /** `milliseconds` is the time from the first token to the last. The first token is not counted: its time is the prompt's. */
  add(tokens: number, milliseconds: number): void {
    if (tokens < 2 || milliseconds <= 0) return;
    const reached = ((tokens - 1) * 1000) / milliseconds;
    const before = this.#tokensPerSecond ?? reached;
    this.#tokensPerSecond = before + NEWEST_WEIGHT * (reached - before);
  }
}
