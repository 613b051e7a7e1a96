import { setTimeout as pause } from 'node:timers/promises';
import { type FileLock, lockFile } from '@shoal/files/file-lock';
import { ShoalError } from '@shoal/protocol/error';

/** Wait between two tries for a lock. The system sends no event when a lock is released. */
const RETRY_MS = 50;

/** Locks a file of the store. Returns undefined if another holder has the lock. Throws `INTERNAL` if it cannot be locked. */
export function tryLock(path: string): FileLock | undefined {
  try {
    return lockFile(path);
  } catch (error) {
    throw new ShoalError('INTERNAL', `The lock ${path} cannot be taken. If no pull runs, delete it.`, { cause: error });
  }
}

/** Waits until the lock is free. `onWait` is called once if it is not free at first. Throws when aborted. */
export async function waitForLock(path: string, signal?: AbortSignal, onWait?: () => void): Promise<FileLock> {
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted();
    const lock = tryLock(path);
    if (lock !== undefined) return lock;
    if (tries === 0) onWait?.();
    await pause(RETRY_MS, undefined, signal && { signal });
  }
}
