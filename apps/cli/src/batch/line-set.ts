const FIRST_BYTES = 1024;

/** A set of line numbers, with one bit per line. */
export class LineSet {
  #bits = new Uint8Array(FIRST_BYTES);

  has(line: number): boolean {
    return ((this.#bits[line >>> 3] ?? 0) & (1 << (line & 7))) !== 0;
  }

  add(line: number): void {
    const index = line >>> 3;
    if (index >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bits.length, index + 1));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[index] = (this.#bits[index] ?? 0) | (1 << (line & 7));
  }
}
