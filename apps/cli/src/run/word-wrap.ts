/** Columns that stay free at the right. */
const MARGIN_COLUMNS = 5;
/** Text is not wrapped on a narrower terminal. */
const NARROWEST_COLUMNS = 10;

const NO_WIDTH = /^(?:\p{Mark}|\p{Default_Ignorable_Code_Point})$/u;
/** East Asian letters and emoji take two columns. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

/** Wraps streamed text between words. A word that does not fit is erased and written on the next line. */
export class WordWrap {
  readonly #columns: () => number;
  /** Columns of the current line, and the unfinished word at its end. */
  #lineColumns = 0;
  #word = '';

  /** `columns`: returns the current width of the terminal; 0 if unknown. */
  constructor(columns: () => number) {
    this.#columns = columns;
  }

  /** Returns the next piece with line breaks and cursor moves. */
  wrap(text: string): string {
    const columns = this.#columns();
    if (columns < NARROWEST_COLUMNS) return text;
    let out = '';
    for (const character of text) out += this.#next(character, columns - MARGIN_COLUMNS);
    return out;
  }

  #next(character: string, width: number): string {
    if (character === '\n') return this.#begin('', '\n');
    const columns = widthOf(character);
    if (this.#lineColumns + columns <= width) return this.#add(character, columns);
    const wordColumns = textWidth(this.#word);
    // A word that is longer than a line, for example a link, is cut.
    if (character === ' ') return this.#begin('', '\n');
    if (wordColumns + columns > width) return this.#begin(character, `\n${character}`);
    const back = wordColumns === 0 ? '' : `\u001b[${wordColumns}D\u001b[K`;
    const moved = `${this.#word}${character}`;
    return this.#begin(moved, `${back}\n${moved}`);
  }

  #add(character: string, columns: number): string {
    this.#lineColumns += columns;
    // A line may break between any two wide letters.
    this.#word = character === ' ' || character === '\t' || columns > 1 ? '' : this.#word + character;
    return character;
  }

  /** Starts a new line that begins with `word`. */
  #begin(word: string, written: string): string {
    this.#word = word;
    this.#lineColumns = textWidth(word);
    return written;
  }
}

function textWidth(text: string): number {
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
}

function widthOf(character: string): number {
  if (NO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
