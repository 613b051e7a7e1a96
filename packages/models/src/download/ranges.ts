/** Bytes from `start` up to, but not including, `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Sorted, without overlap or contact, as `add` returns them. */
export type Ranges = readonly Range[];

/** Adds a range, merged with the ranges that it overlaps or touches. */
export function add(ranges: Ranges, { start, end }: Range): Ranges {
  if (end <= start) return ranges;
  const apart = ranges.filter((range) => range.end < start || range.start > end);
  const touched = ranges.filter((range) => range.end >= start && range.start <= end);
  const joined = {
    start: Math.min(start, ...touched.map((range) => range.start)),
    end: Math.max(end, ...touched.map((range) => range.end)),
  };
  return [...apart, joined].toSorted((left, right) => left.start - right.start);
}

/** The gaps of `ranges` within a range, in pieces of at most `pieceBytes`. */
export function missing(ranges: Ranges, within: Range, pieceBytes: number): Range[] {
  const pieces: Range[] = [];
  let at = within.start;
  for (const { start, end } of [...ranges, { start: within.end, end: within.end }]) {
    const gapEnd = Math.min(start, within.end);
    for (; at < gapEnd; at = Math.min(at + pieceBytes, gapEnd)) {
      pieces.push({ start: at, end: Math.min(at + pieceBytes, gapEnd) });
    }
    at = Math.max(at, end);
  }
  return pieces;
}

/** Bytes from position 0 up to the first gap. */
export function contiguous([first]: Ranges): number {
  return first?.start === 0 ? first.end : 0;
}

export function totalOf(ranges: Ranges): number {
  return ranges.reduce((total, { start, end }) => total + end - start, 0);
}
