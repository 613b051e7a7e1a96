const SMALLEST_BYTES = 1024;

/**
 * Collects the received part of a frame in one buffer that doubles as it fills. A peer that sends single bytes therefore
 * costs twice its bytes, and not an object per byte. The buffer is freed explicitly, because the garbage collector would
 * run only after many large frames.
 */
export class Accumulator {
  #buffer = new ArrayBuffer(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Appends bytes. Allocates at most `limit` bytes, the largest possible frame. */
  append(bytes: Uint8Array, limit: number): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.byteLength) {
      const grown = Math.max(SMALLEST_BYTES, needed, this.#buffer.byteLength * 2);
      this.#buffer = this.#buffer.transfer(Math.max(needed, Math.min(grown, limit)));
    }
    new Uint8Array(this.#buffer).set(bytes, this.#length);
    this.#length = needed;
  }

  /** Passes the bytes to a function and empties the accumulator. The bytes are valid only during the call. */
  drain(onBytes: (bytes: Uint8Array) => void): void {
    const [buffer, length] = [this.#buffer, this.#length];
    this.#buffer = new ArrayBuffer(0);
    this.#length = 0;
    onBytes(new Uint8Array(buffer, 0, length));
    buffer.transfer(0);
  }
}
