import type { Bounds } from './keywords.ts';
import type { Pattern } from './pattern.ts';

/** Returns the bounds of the lengths of matching texts, in characters. */
export function lengthOf(pattern: Pattern): Bounds {
  switch (pattern.type) {
    case 'set':
      return { least: 1, most: 1 };
    case 'sequence':
      return pattern.items
        .map(lengthOf)
        .reduce((total, item) => ({ least: total.least + item.least, most: sum(total.most, item.most) }), {
          least: 0,
          most: 0,
        });
    case 'choice': {
      const options = pattern.options.map(lengthOf);
      const most = Math.max(...options.map((option) => option.most ?? Infinity));
      return { least: Math.min(...options.map(({ least }) => least)), most: Number.isFinite(most) ? most : undefined };
    }
    case 'repeat': {
      const item = lengthOf(pattern.item);
      const isEndless = pattern.most === undefined || item.most === undefined;
      return {
        least: item.least * pattern.least,
        most: isEndless ? undefined : (item.most ?? 0) * (pattern.most ?? 0),
      };
    }
    default:
      return pattern satisfies never;
  }
}

function sum(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? undefined : left + right;
}

/**
 * Returns an upper bound of the ways in which one beginning of a text may fit the pattern. A repeated part whose length varies
 * may have ended anywhere, so nested repetitions multiply.
 */
export function readingsOf(pattern: Pattern): number {
  switch (pattern.type) {
    case 'set':
      return 1;
    case 'sequence': {
      const varying = pattern.items.filter((item) => !hasOneLength(item));
      return Math.max(1, totalOf(varying, readingsOf), ...pattern.items.map(readingsOf));
    }
    case 'choice':
      return totalOf(pattern.options, readingsOf);
    case 'repeat':
      return hasOneLength(pattern.item) ? readingsOf(pattern.item) : timesOf(pattern) * positionsIn(pattern.item);
    default:
      return pattern satisfies never;
  }
}

/** Returns the number of positions in the pattern if everything repeated was written out. */
function positionsIn(pattern: Pattern): number {
  switch (pattern.type) {
    case 'set':
      return 1;
    case 'sequence':
      return totalOf(pattern.items, positionsIn);
    case 'choice':
      return totalOf(pattern.options, positionsIn);
    case 'repeat':
      return timesOf(pattern) * positionsIn(pattern.item);
    default:
      return pattern satisfies never;
  }
}

/** A repetition without an end is a loop after its least number. */
function timesOf({ least, most }: Extract<Pattern, { type: 'repeat' }>): number {
  return Math.max(1, most ?? least);
}

function hasOneLength(pattern: Pattern): boolean {
  const { least, most } = lengthOf(pattern);
  return least === most;
}

function totalOf(patterns: readonly Pattern[], measure: (pattern: Pattern) => number): number {
  return patterns.reduce((count, pattern) => count + measure(pattern), 0);
}
