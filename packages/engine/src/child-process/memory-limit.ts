import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { errorCode, isMissing } from '@shoal/files/error-code';

const KIB = 1024;
const GIB = 1024 ** 3;
/** The share of this machine's memory that one process may take. */
const MACHINE_SHARE = 0.9;
/** A process may take this many times the predicted memory of its model, and the room beside it. */
const PREDICTION_FACTOR = 2;
/** For the process itself, grammars, prompts, and a second context for vectors. */
const ROOM_BYTES = 2 * GIB;
const INTERVAL_MS = 500;

/**
 * Returns the most memory of its own that a model's process may take, in bytes. `predictedBytes` is the memory of the loaded
 * model; undefined if it is unknown.
 */
export function memoryLimitBytes(predictedBytes: number | undefined, machineBytes = machineMemory()): number {
  const most = machineBytes * MACHINE_SHARE;
  return predictedBytes === undefined ? most : Math.min(most, PREDICTION_FACTOR * predictedBytes + ROOM_BYTES);
}

/** The memory of this machine, or of its control group if that has less. */
function machineMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}

/**
 * Looks at a process's memory at once, and then twice a second. Calls `onExceeded` once, with the reason, when it takes more than the limit.
 * Returns the function that ends the watch. Does nothing where `/proc` is missing: other systems report only resident memory,
 * in which the pages of the model file count, so a limit would mean something else there.
 */
export function watchMemory(pid: number, limitBytes: number, onExceeded: (reason: string) => void): () => void {
  const look = (): void => {
    const bytes = ownBytes(pid);
    if (bytes === undefined || bytes <= limitBytes) return;
    clearInterval(timer);
    onExceeded(`it took ${inGib(bytes)} of memory, and its limit is ${inGib(limitBytes)}`);
  };
  const timer = setInterval(look, INTERVAL_MS).unref();
  look();
  return () => clearInterval(timer);
}

/**
 * Returns the memory of a process that is backed by no file, in bytes, swapped pages included. The pages of a mapped model are
 * the system's to drop, and are not counted. Undefined if the process has ended, or there is no `/proc`.
 */
function ownBytes(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const fields = [...status.matchAll(/^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$/gm)];
    return fields.reduce((sum, [, kib]) => sum + Number(kib) * KIB, 0);
  } catch (error) {
    if (isMissing(error) || ['ESRCH', 'EACCES'].includes(errorCode(error))) return undefined;
    throw error;
  }
}

function inGib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}
