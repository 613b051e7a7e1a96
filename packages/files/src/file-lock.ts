import { DatabaseSync } from 'node:sqlite';

/** SQLite's code for a database that another process has locked. */
const SQLITE_BUSY = 5;

export interface FileLock {
  release(): void;
}

/**
 * Locks a file for this process until it releases the lock or dies; undefined where another process has it. The file comes
 * into being, stays empty, and is left behind.
 *
 * The lock is the operating system's own, which SQLite takes for an exclusive transaction: Node has no call for file locks.
 * The system takes it back from a process that dies, however it dies, so a lock is never stale, and there is no moment in
 * which two processes could both take over an old one. A file that just exists would need all of that guessed from process
 * ids.
 */
export function lockFile(path: string): FileLock | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // Nothing is ever written, so nothing needs a journal on the disk.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  const held = database;
  return { release: () => held.close() };
}

/** Whether SQLite failed because another process has the database. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
