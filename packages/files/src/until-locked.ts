import { setTimeout as pause } from 'node:timers/promises';
import type { FileLock } from './file-lock.ts';

/** Wait between two tries for a lock. The system sends no event when a lock is released. */
const RETRY_MS = 50;

export interface LockWait {
  readonly signal?: AbortSignal | undefined;
  /** Called once if the lock is not free at first. */
  readonly onWait?: (() => void) | undefined;
}

/** Calls `tryLock` until it returns a lock. Throws when aborted. */
export async function untilLocked(
  tryLock: () => FileLock | undefined,
  { signal, onWait }: LockWait,
): Promise<FileLock> {
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted();
    const lock = tryLock();
    if (lock !== undefined) return lock;
    if (tries === 0) onWait?.();
    await pause(RETRY_MS, undefined, { signal });
  }
}
