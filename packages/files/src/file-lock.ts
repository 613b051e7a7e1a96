import { DatabaseSync } from 'node:sqlite';

/** SQLite's code for a database that another process has locked. */
const SQLITE_BUSY = 5;

export interface FileLock {
  release(): void;
}

/**
 * Locks a file for this process until it releases the lock or dies. Returns undefined if another holder has the lock. The
 * file is created if it is missing, stays empty, and is not removed.
 *
 * It is a lock of the operating system, which SQLite acquires for an exclusive transaction, because Node has no function for
 * file locks. The system releases it when the process dies, however it dies: a lock is never stale, and two processes cannot
 * both replace an old one. With a file that merely exists, both would have to be guessed from process ids.
 */
export function lockFile(path: string): FileLock | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // Nothing is written, so no journal is needed on the disk.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    const held = database;
    return { release: () => held.close() };
  } catch (error) {
    database?.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

/** True if SQLite failed because another process has locked the database. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
