import { rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { ShoalError } from '@shoal/protocol';
import { isAlive } from './alive.ts';
import { readOptional, writeFileAtomically } from './file.ts';
import { homeFiles, type Home } from './home.ts';

/** SQLite's code for a database that another process has locked. */
const SQLITE_BUSY = 5;

export interface HomeLock {
  release(): Promise<void>;
}

/**
 * Makes this process the only node of a home, until it releases the lock or dies. Throws `INVALID_REQUEST` that names
 * the process which has it.
 *
 * The lock is the operating system's own, on a file that SQLite holds in an exclusive transaction: Node has no call for
 * file locks, and SQLite has. The system takes it back from a process that dies, however it dies, so a lock is never
 * stale, and there is no moment in which two processes could both take over an old one. A file that just exists would
 * need all of that guessed from process ids. The file beside it with the pid is only there to be shown.
 */
export async function lockHome(home: Home): Promise<HomeLock> {
  const files = homeFiles(home);
  const database = await takeLock(files.lock, files.pid);
  await writeFileAtomically(files.pid, `${process.pid}\n`);
  return {
    async release() {
      await rm(files.pid, { force: true });
      database.close();
    },
  };
}

/** The process that holds a home's lock; undefined where none does. */
export async function runningPid(home: Home): Promise<number | undefined> {
  const pid = Number((await readOptional(homeFiles(home).pid))?.trim());
  return pid > 0 && isAlive(pid) ? pid : undefined;
}

async function takeLock(lockFile: string, pidFile: string): Promise<DatabaseSync> {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(lockFile, { timeout: 0 });
    // Nothing is ever written, so nothing needs a journal on the disk.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if (!isBusy(error)) {
      throw new ShoalError('INVALID_REQUEST', `The lock ${lockFile} cannot be taken; if no node runs, delete it.`, {
        cause: error,
      });
    }
    const pid = (await readOptional(pidFile))?.trim();
    throw ShoalError.invalidRequest(
      `A node already runs in this home (${pid ? `pid ${pid}` : 'its pid is not known yet'}). ` +
        'Stop it with "shoal stop", or give this one a home of its own with --node NAME.',
    );
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
