/** What is longer than any word that could be meant. */
const WORD_LENGTH = 40;

/** The word that was probably meant: the nearest of those that differ in a third of their letters at most. */
function nearest(word: string, words: readonly string[]): string | undefined {
  if (word.length > WORD_LENGTH) return undefined;
  const ranked = words
    .map((known) => ({ known, distance: distance(word, known) }))
    .filter(({ known, distance: letters }) => letters <= Math.max(1, Math.floor(known.length / 3)))
    .toSorted((left, right) => left.distance - right.distance);
  return ranked[0]?.known;
}

/** ` Did you mean WORD?`, or nothing. */
export function didYouMean(word: string, words: readonly string[]): string {
  const meant = nearest(word, words);
  return meant === undefined ? '' : ` Did you mean ${meant}?`;
}

/** Letters to add, leave out or change (Levenshtein's distance). */
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
