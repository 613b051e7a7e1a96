/** Code points from the first to the last of them. */
export type Range = readonly [first: number, last: number];
/** Sorted, and apart from each other. */
export type CharacterSet = readonly Range[];

const LAST_CODE_POINT = 0x10_ffff;

export function singleRange(codePoint: number): Range {
  return [codePoint, codePoint];
}

/** In order, and overlapping ones as one. */
export function union(ranges: readonly Range[]): CharacterSet {
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.toSorted(([left], [right]) => left - right)) {
    const previous = joined.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

export function complement(set: CharacterSet): CharacterSet {
  const rest: Range[] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) rest.push([next, LAST_CODE_POINT]);
  return rest;
}

export function withoutRanges(set: CharacterSet, ranges: readonly Range[]): CharacterSet {
  return complement(union([...complement(set), ...ranges]));
}

export function contains(set: CharacterSet, codePoint: number): boolean {
  return set.some(([first, last]) => first <= codePoint && codePoint <= last);
}

/** What stands in a JSON text as it is. Halves of pairs (surrogates) are no characters, and DEL is left out as llama.cpp does. */
export const JSON_PLAIN: CharacterSet = complement([
  [0, 0x1f],
  singleRange(0x22),
  singleRange(0x5c),
  singleRange(0x7f),
  [0xd800, 0xdfff],
]);

/** A class in GBNF. Everything but letters and digits is written as a number, so that nothing has a second meaning. */
export function classSymbol(set: CharacterSet): string {
  const members = set.map(([first, last]) =>
    first === last ? codePointText(first) : `${codePointText(first)}-${codePointText(last)}`,
  );
  return `[${members.join('')}]`;
}

function codePointText(codePoint: number): string {
  const char = String.fromCodePoint(codePoint);
  if (/[a-zA-Z0-9]/.test(char)) return char;
  const digits = codePoint.toString(16).toUpperCase();
  if (codePoint <= 0xff) return `\\x${digits.padStart(2, '0')}`;
  return codePoint <= 0xffff ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
}
