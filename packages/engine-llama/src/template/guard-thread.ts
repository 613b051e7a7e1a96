/** The thread that ends its process if the first thread takes too long or too much memory. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { residentBytes } from '../resident-memory.ts';
import { GUARD_MARK, LIMIT_MS, RUN } from './guard.ts';

/** Native code fills some MiB per millisecond. */
const LOOK_INTERVAL_MS = 5;
const STANDARD_ERROR = 2;
const MIB = 1024 ** 2;

const { shared, memoryBytes }: { shared: Int32Array; memoryBytes: number } = workerData;

for (;;) {
  Atomics.wait(shared, LIMIT_MS, 0);
  const run = Atomics.load(shared, RUN);
  const limitMs = Atomics.load(shared, LIMIT_MS);
  const startedAt = performance.now();
  while (limitMs > 0 && Atomics.load(shared, LIMIT_MS) === limitMs && Atomics.load(shared, RUN) === run) {
    if (residentBytes() > memoryBytes) endProcess(`needs more than ${memoryBytes / MIB} MiB of memory`);
    if (performance.now() - startedAt > limitMs) endProcess(`takes longer than ${limitMs / 1_000} s`);
    Atomics.wait(shared, LIMIT_MS, limitMs, LOOK_INTERVAL_MS);
  }
}

function endProcess(why: string): void {
  writeSync(STANDARD_ERROR, `\n${GUARD_MARK}${why}`);
  process.kill(process.pid, 'SIGKILL');
}
