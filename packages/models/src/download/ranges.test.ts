import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { add, contiguous, missing, type Range, type Ranges, totalOf } from './ranges.ts';

const LENGTH = 60;
const range = fc.tuple(fc.nat(LENGTH), fc.nat(LENGTH)).map(([one, other]) => ({
  start: Math.min(one, other),
  end: Math.max(one, other),
}));

test('ranges and their gaps make up the whole, in pieces of bounded length', () => {
  fc.assert(
    fc.property(fc.array(range), range, fc.integer({ min: 1, max: LENGTH }), (all, within, pieceBytes) => {
      const ranges = all.reduce<Ranges>(add, []);
      const present = bytesOf(all);
      assert.deepEqual(bytesOf(ranges), present);
      assert.equal(totalOf(ranges), present.size);
      assert.ok(ranges.every(({ end }, index) => end < (ranges[index + 1]?.start ?? Infinity)));
      const pieces = missing(ranges, within, pieceBytes);
      assert.ok(pieces.every(({ start, end }) => end > start && end - start <= pieceBytes));
      assert.deepEqual(
        [...bytesOf(pieces)],
        [...bytesOf([within])].filter((byte) => !present.has(byte)),
      );
      assert.ok(!present.has(contiguous(ranges)));
    }),
  );
});

function bytesOf(ranges: readonly Range[]): Set<number> {
  const bytes = ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, index) => start + index));
  return new Set(bytes.toSorted((left, right) => left - right));
}
