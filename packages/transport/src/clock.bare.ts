let last = 0;

/** Bare has no monotonic clock among its globals: the wall clock, held where it is when somebody sets it back. */
export function monotonicNow(): number {
  last = Math.max(last, Date.now());
  return last;
}
