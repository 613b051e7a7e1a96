/** Longer than every known word. Limits the work. */
const WORD_LENGTH_MAX = 40;

/**
 * Returns the words that start with this one; without such words, the nearest that differs in at most a third of its letters.
 */
function nearest(word: string, words: readonly string[]): readonly string[] {
  if (word.length > WORD_LENGTH_MAX) return [];
  const longer = words.filter((known) => /\w$/.test(word) && known.startsWith(word));
  if (longer.length > 0) return longer;
  const ranked = words
    .map((known) => ({ known, distance: distance(word, known) }))
    .filter(({ known, distance: letters }) => letters <= Math.max(1, Math.floor(known.length / 3)))
    .toSorted((left, right) => left.distance - right.distance);
  return ranked.slice(0, 1).map(({ known }) => known);
}

/** Returns ` Did you mean start, stop or status?`, or an empty text. */
export function didYouMean(word: string, words: readonly string[]): string {
  const matches = nearest(word, words);
  if (matches.length === 0) return '';
  const others = matches.slice(0, -1).join(', ');
  return ` Did you mean ${others === '' ? '' : `${others} or `}${matches.at(-1)}?`;
}

/** Returns the Levenshtein distance: letters to add, remove or change. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(left).entries()) {
    const next = [index + 1];
    for (const [column, other] of Array.from(right).entries()) {
      const changed = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
