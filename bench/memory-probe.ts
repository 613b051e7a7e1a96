/**
 * Imported by a program, it lets a bench see that program's memory: SIGUSR2 collects garbage and writes one line on
 * stderr, `memory {"heapBytes":…,"residentBytes":…}`.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** In bytes, once nothing is left to collect. */
export interface MemoryUse {
  /** What JavaScript holds, buffers outside its heap included. */
  readonly heapBytes: number;
  /** What the system counts: native code and free pages of the heap included. */
  readonly residentBytes: number;
}

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

export function memoryUse(): MemoryUse {
  if (typeof collect !== 'function') throw new Error('This Node lets nobody collect garbage.');
  // What finalizers let go of in the first pass is collected in the second.
  for (let pass = 0; pass < 2; pass++) collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external, residentBytes: rss };
}

process.on('SIGUSR2', () => process.stderr.write(`memory ${JSON.stringify(memoryUse())}\n`));
