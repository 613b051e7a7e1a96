let last = 0;

/**
 * Milliseconds of a clock that only moves forward. Bare has no global monotonic clock, so this is the wall clock, which stops
 * while it is behind its last value.
 */
export function monotonicNow(): number {
  last = Math.max(last, Date.now());
  return last;
}
