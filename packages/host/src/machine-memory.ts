import { totalmem } from 'node:os';

/** Returns the memory that this process may use, in bytes: that of the machine or of its container. */
export function machineMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}
