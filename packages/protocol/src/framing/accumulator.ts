const SMALLEST_BYTES = 1024;

/**
 * The part of a frame that has arrived, in one buffer that doubles as it fills: a peer that sends single bytes costs
 * twice what it sent, not an object for each. Memory is given back at once, because a collector would come only after
 * many large frames.
 */
export class Accumulator {
  #buffer = new ArrayBuffer(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** `most` is what the whole frame can have: no more than that is ever allocated. */
  append(bytes: Uint8Array, most: number): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.byteLength) {
      const grown = Math.max(SMALLEST_BYTES, needed, this.#buffer.byteLength * 2);
      this.#buffer = this.#buffer.transfer(Math.max(needed, Math.min(grown, most)));
    }
    new Uint8Array(this.#buffer).set(bytes, this.#length);
    this.#length = needed;
  }

  /** Hands over what was appended, for as long as the call lasts; the accumulator is empty from then on. */
  take(taker: (bytes: Uint8Array) => void): void {
    const [buffer, length] = [this.#buffer, this.#length];
    this.#buffer = new ArrayBuffer(0);
    this.#length = 0;
    taker(new Uint8Array(buffer, 0, length));
    buffer.transfer(0);
  }
}
