import { MAX_DEADLINE_MS } from '@shoal/protocol';

/** Returns the milliseconds of the flag `--deadline`, which is in seconds; at least 1 and at most `MAX_DEADLINE_MS`. */
export function deadlineMs(seconds: number | undefined): number | undefined {
  if (seconds === undefined) return undefined;
  return Math.min(Math.max(1, Math.round(seconds * 1_000)), MAX_DEADLINE_MS);
}
