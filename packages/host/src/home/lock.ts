import { rm } from 'node:fs/promises';
import { ShoalError } from '@shoal/protocol/error';
import { type FileLock, lockFile } from '@shoal/files/file-lock';
import { writeDurably } from '@shoal/files/durable-write';
import { readOptional } from '@shoal/files/read';
import { homeFiles, type Home } from './home.ts';

export interface HomeLock {
  release(): Promise<void>;
}

/**
 * Makes this process the only node of a home until it releases the lock or ends. Throws `INVALID_REQUEST` with the id of the
 * process that holds the lock. The file with that id is used in messages only.
 */
export async function lockHome(home: Home): Promise<HomeLock> {
  const files = homeFiles(home);
  const lock = await acquireLock(files.lock, files.pid);
  await writeDurably(files.pid, `${process.pid}\n`);
  return {
    async release() {
      await rm(files.pid, { force: true });
      lock.release();
    },
  };
}

async function acquireLock(lockPath: string, pidFile: string): Promise<FileLock> {
  const lock = tryLock(lockPath);
  if (lock !== undefined) return lock;
  const pid = (await readOptional(pidFile))?.trim();
  throw ShoalError.invalidRequest(
    `A node already runs in this home (${pid ? `pid ${pid}` : 'its pid is not known yet'}). ` +
      'Stop it with "shoal stop", or give this one a home of its own with --node NAME.',
  );
}

function tryLock(lockPath: string): FileLock | undefined {
  try {
    return lockFile(lockPath);
  } catch (error) {
    throw new ShoalError('INVALID_REQUEST', `The lock ${lockPath} cannot be acquired. If no node runs, delete it.`, {
      cause: error,
    });
  }
}
