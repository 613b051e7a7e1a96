import { type FileLock, lockFile } from '@shoal/files/file-lock';
import { ShoalError } from '@shoal/protocol/error';

/**
 * Locks a file of the store, which its holder may remove. Returns undefined if another holder has the lock. Throws `INTERNAL` if
 * it cannot be locked.
 */
export function tryLock(path: string): FileLock | undefined {
  try {
    const lock = lockFile(path);
    if (lock === undefined) return undefined;
    // If the path can be locked once more, the locked file is one that its last holder has just removed.
    const another = lockFile(path);
    if (another === undefined) return lock;
    another.release();
    lock.release();
    return undefined;
  } catch (error) {
    throw new ShoalError('INTERNAL', `The lock ${path} cannot be taken. If no pull runs, delete it.`, { cause: error });
  }
}
