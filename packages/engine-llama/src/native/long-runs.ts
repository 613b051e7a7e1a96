/**
 * Characters without a space between them, or spaces without anything else, that are given to llama.cpp at once. It cuts
 * texts into words with `std::regex`, which calls itself for each character of a word: from a few thousand on it runs out
 * of stack, and the process ends.
 */
const RUN_LENGTH_MAX = 1_000;
const LONG_RUN = new RegExp(`\\S{${RUN_LENGTH_MAX}}|\\s{${RUN_LENGTH_MAX}}`, 'gu');
/** A control token that is written out begins so, and is not to be cut; none is longer. */
const CONTROL_BEGIN = /[<[][^<[]*$/;
const CONTROL_LENGTH_MAX = 64;

/** The text in pieces without such runs; nearly every text is one piece. */
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
