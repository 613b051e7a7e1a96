/** Bytes from `start` up to `end`, which is not one of them. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** In order and apart from each other, as `add` leaves them. */
export type Ranges = readonly Range[];

/** With one more, joined to those that it meets. */
export function add(ranges: Ranges, { start, end }: Range): Ranges {
  if (end <= start) return ranges;
  const apart = ranges.filter((range) => range.end < start || range.start > end);
  const met = ranges.filter((range) => range.end >= start && range.start <= end);
  const joined = {
    start: Math.min(start, ...met.map((range) => range.start)),
    end: Math.max(end, ...met.map((range) => range.end)),
  };
  return [...apart, joined].toSorted((left, right) => left.start - right.start);
}

/** What is not there of a range, in pieces of at most `pieceBytes`. */
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

/** How many bytes are there from the beginning without a gap. */
export function contiguous([first]: Ranges): number {
  return first?.start === 0 ? first.end : 0;
}

export function totalOf(ranges: Ranges): number {
  return ranges.reduce((total, { start, end }) => total + end - start, 0);
}
