/** Carriage return, then clear to the end of the line. */
const CLEAR = '\r\u001b[K';

const DEFAULT_COLUMNS = 80;

/** A stream that may be a terminal. */
export interface LineStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** A status line. On a terminal it is redrawn in place; otherwise each change is written as a new line. */
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

  /** Writes other output above the line. That output must end with a newline. */
  above(write: () => void): void {
    if (this.#isShown) this.#stream.write(CLEAR);
    write();
    if (this.#isShown) this.#draw();
  }

  /** Removes the line. */
  clear(): void {
    if (this.#isShown) this.#stream.write(CLEAR);
    this.#isShown = false;
  }

  /** Keeps the line and moves the cursor below it. */
  end(): void {
    if (this.#isShown) this.#stream.write('\n');
    this.#isShown = false;
  }

  /** Cuts the line to the width of the terminal, because a wrapped line cannot be cleared. */
  #draw(): void {
    // A terminal of unknown width reports 0.
    const { columns = 0 } = this.#stream;
    const width = columns > 0 ? columns : DEFAULT_COLUMNS;
    const shown = this.#text.length < width ? this.#text : `${this.#text.slice(0, width - 2)}…`;
    this.#isShown = true;
    this.#stream.write(`${CLEAR}${shown}`);
  }
}
