/** Carriage return, then clear to the end of the line. */
const CLEAR = '\r\u001b[K';

const USUAL_COLUMNS = 80;

/** A stream that may be a terminal. */
export interface LineStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** One line that always says what holds now: drawn anew on a terminal, written once for each change elsewhere. */
export class LiveLine {
  readonly #stream: LineStream;
  #text = '';
  #isShown = false;

  constructor(stream: LineStream) {
    this.#stream = stream;
  }

  show(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    if (this.#stream.isTTY === true) this.#draw();
    else this.#stream.write(`${text}\n`);
  }

  /** Has something else written above it; it ends with a newline. */
  above(write: () => void): void {
    if (this.#isShown) this.#stream.write(CLEAR);
    write();
    if (this.#isShown) this.#draw();
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#isShown) this.#stream.write(CLEAR);
    this.#isShown = false;
  }

  /** Leaves the line as it is, and the cursor below it. */
  end(): void {
    if (this.#isShown) this.#stream.write('\n');
    this.#isShown = false;
  }

  /** A line that breaks could not be cleared again. */
  #draw(): void {
    // A terminal that does not know its width says 0.
    const { columns = 0 } = this.#stream;
    const width = columns > 0 ? columns : USUAL_COLUMNS;
    const shown = this.#text.length < width ? this.#text : `${this.#text.slice(0, width - 2)}…`;
    this.#isShown = true;
    this.#stream.write(`${CLEAR}${shown}`);
  }
}
