/** Milliseconds of a clock that only moves forward. */
export function monotonicNow(): number {
  return performance.now();
}
