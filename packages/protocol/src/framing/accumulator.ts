const SMALLEST_BYTES = 1024;

/**
 * The part of a frame that has arrived, in one buffer that doubles as it fills: a peer that sends single bytes costs
 * twice what it sent, not an object for each.
 */
export class Accumulator {
  #buffer = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(SMALLEST_BYTES, needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }

  /** What was appended; the accumulator is empty again and keeps no hold of it. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#buffer = new Uint8Array(0);
    this.#length = 0;
    return taken;
  }
}
