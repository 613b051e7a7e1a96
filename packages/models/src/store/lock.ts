import { type FileLock, lockFile } from '@shoal/files/file-lock';
import { untilLocked } from '@shoal/files/until-locked';
import { ShoalError } from '@shoal/protocol/error';

/** Locks a file of the store. Returns undefined if another holder has the lock. Throws `INTERNAL` if it cannot be locked. */
export function tryLock(path: string): FileLock | undefined {
  try {
    return lockFile(path);
  } catch (error) {
    throw new ShoalError('INTERNAL', `The lock ${path} cannot be taken. If no pull runs, delete it.`, { cause: error });
  }
}

/** Waits until the lock is free. `onWait` is called once if it is not free at first. Throws when aborted. */
export function waitForLock(path: string, signal?: AbortSignal, onWait?: () => void): Promise<FileLock> {
  return untilLocked(() => tryLock(path), { signal, onWait });
}
