/** Columns at the right that stay free, and how narrow a terminal may be to be wrapped at all. */
const MARGIN_COLUMNS = 5;
const NARROWEST_COLUMNS = 10;

const NO_WIDTH = /^(?:\p{Mark}|\p{Default_Ignorable_Code_Point})$/u;
/** East Asian letters and emoji take two columns. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

/** Breaks lines between words while a text comes piece by piece: a word that does not fit is taken to the next line. */
export class WordWrap {
  readonly #columns: () => number;
  /** What is written of the current line, and of the word at its end. */
  #lineColumns = 0;
  #word = '';

  /** `columns`: how wide the terminal is now; 0 where it does not know. */
  constructor(columns: () => number) {
    this.#columns = columns;
  }

  /** The next piece as it is to be written. */
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
    // A word that fills the line by itself, a link for example, is cut where it is.
    if (character === ' ') return this.#begin('', '\n');
    if (wordColumns + columns > width) return this.#begin(character, `\n${character}`);
    const back = wordColumns === 0 ? '' : `\u001b[${wordColumns}D\u001b[K`;
    const moved = `${this.#word}${character}`;
    return this.#begin(moved, `${back}\n${moved}`);
  }

  #add(character: string, columns: number): string {
    this.#lineColumns += columns;
    // Between wide letters a line may break anywhere.
    this.#word = character === ' ' || character === '\t' || columns > 1 ? '' : this.#word + character;
    return character;
  }

  /** A new line, with this at its beginning. */
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
