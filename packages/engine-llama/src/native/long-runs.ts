/**
 * The longest run of characters without a space, or of spaces, that is passed to llama.cpp. It splits texts into words with
 * `std::regex`, which recurses for each character of a word: a few thousand overflow the stack and end the process.
 */
const RUN_LENGTH_MAX = 1_000;
const LONG_RUN = new RegExp(`\\S{${RUN_LENGTH_MAX}}|\\s{${RUN_LENGTH_MAX}}`, 'gu');
/** The beginning of a control token, which must not be cut. */
const CONTROL_BEGIN = /[<[][^<[]*$/;
const CONTROL_LENGTH_MAX = 64;

/** Cuts the text into pieces without long runs. Nearly every text is one piece. */
export function cutLongRuns(text: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  LONG_RUN.lastIndex = 0;
  while (LONG_RUN.test(text)) {
    const end = placeToCut(text, LONG_RUN.lastIndex);
    pieces.push(text.slice(start, end));
    start = end;
    LONG_RUN.lastIndex = end;
  }
  return start < text.length || start === 0 ? [...pieces, text.slice(start)] : pieces;
}

function placeToCut(text: string, end: number): number {
  const tail = text.slice(end - CONTROL_LENGTH_MAX, end);
  const begin = tail.search(CONTROL_BEGIN);
  return begin === -1 ? end : end - tail.length + begin;
}
