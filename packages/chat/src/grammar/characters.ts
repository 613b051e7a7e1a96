/** A range of code points, both ends included. */
export type CodePointRange = readonly [first: number, last: number];
/** Sorted, not overlapping and not adjacent ranges. */
export type CharacterSet = readonly CodePointRange[];

const LAST_CODE_POINT = 0x10_ffff;

export function singleRange(codePoint: number): CodePointRange {
  return [codePoint, codePoint];
}

/** Sorts ranges and joins overlapping and adjacent ones. */
export function union(ranges: readonly CodePointRange[]): CharacterSet {
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.toSorted(([left], [right]) => left - right)) {
    const previous = joined.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

export function complement(set: CharacterSet): CharacterSet {
  const rest: CodePointRange[] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) rest.push([next, LAST_CODE_POINT]);
  return rest;
}

export function withoutRanges(set: CharacterSet, ranges: readonly CodePointRange[]): CharacterSet {
  return complement(union([...complement(set), ...ranges]));
}

export function contains(set: CharacterSet, codePoint: number): boolean {
  return set.some(([first, last]) => first <= codePoint && codePoint <= last);
}

/** The characters that a JSON string contains unescaped. Surrogates are excluded, and DEL, as in llama.cpp. */
export const JSON_PLAIN: CharacterSet = complement([
  [0, 0x1f],
  singleRange(0x22),
  singleRange(0x5c),
  singleRange(0x7f),
  [0xd800, 0xdfff],
]);

/** Returns a character class in GBNF. All but letters and digits are written as numbers, so that none has a special meaning. */
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
