/**
 * Imported by a program whose memory a bench measures: SIGUSR2 collects garbage and writes one line to
 * stderr, `memory {"heapBytes":…,"residentBytes":…}`.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes in use after garbage collection. */
export interface MemoryUse {
  /** Memory of JavaScript, including buffers outside its heap. */
  readonly heapBytes: number;
  /** Resident memory of the process, including native code and free pages of the heap. */
  readonly residentBytes: number;
}

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

export function memoryUse(): MemoryUse {
  if (typeof collect !== 'function') throw new Error('This Node does not expose garbage collection.');
  // The second pass collects objects that finalizers release in the first.
  for (let pass = 0; pass < 2; pass++) collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external, residentBytes: rss };
}

process.on('SIGUSR2', () => process.stderr.write(`memory ${JSON.stringify(memoryUse())}\n`));
