import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { ShoalError } from '@shoal/protocol';

/** Between two tries for a lock that another process has: the system tells nobody when it is free. */
const RETRY_MS = 50;

/** SQLite's code for a database that somebody else has locked. */
const SQLITE_BUSY = 5;

export interface Lock {
  release(): void;
}

/**
 * The lock of a file, for this process or any other; undefined where somebody has it. It is the operating system's own, held
 * through SQLite in an exclusive transaction: it ends with its process, however that dies, and is never stale.
 */
export function tryLock(path: string): Lock | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // Nothing is ever written, so nothing needs a journal on the disk.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    const held = database;
    return { release: () => held.close() };
  } catch (error) {
    database?.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined;
    throw new ShoalError('INTERNAL', `The lock ${path} cannot be taken. If no pull runs, delete it.`, { cause: error });
  }
}

/** Waits until the lock is free. `onWait` is called once, where it is not free at once. Throws when aborted. */
export async function waitForLock(path: string, signal?: AbortSignal, onWait?: () => void): Promise<Lock> {
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted();
    const lock = tryLock(path);
    if (lock !== undefined) return lock;
    if (tries === 0) onWait?.();
    await pause(RETRY_MS, undefined, signal && { signal });
  }
}
