import { cpus } from 'node:os';

/** The use is measured over at least this time. */
const INTERVAL_MS = 250;

/**
 * Returns a function that returns the number of cores that other programs do not use, measured since its last result.
 * Undefined while there is no result, and if the system hides the use of its processor.
 */
export function freeCoresGauge(now = () => performance.now()): () => number | undefined {
  let last = sample(now());
  let free: number | undefined;
  return () => {
    const time = now();
    if (time - last.time < INTERVAL_MS) return free;
    const next = sample(time);
    free = freeBetween(last, next);
    last = next;
    return free;
  };
}

interface Sample {
  readonly time: number;
  readonly cores: number;
  /** Milliseconds of all cores together, of all programs. */
  readonly busyMs: number;
  readonly totalMs: number;
  /** Milliseconds of this process. */
  readonly ownMs: number;
}

function sample(time: number): Sample {
  const cores = cpus();
  let [busyMs, totalMs] = [0, 0];
  for (const { times } of cores) {
    const busy = times.user + times.nice + times.sys + times.irq;
    busyMs += busy;
    totalMs += busy + times.idle;
  }
  const { user, system } = process.cpuUsage();
  return { time, cores: cores.length, busyMs, totalMs, ownMs: (user + system) / 1_000 };
}

function freeBetween(before: Sample, after: Sample): number | undefined {
  const totalMs = after.totalMs - before.totalMs;
  if (totalMs <= 0 || after.cores === 0) return undefined;
  const othersMs = Math.max(0, after.busyMs - before.busyMs - (after.ownMs - before.ownMs));
  return after.cores * (1 - Math.min(1, othersMs / totalMs));
}
