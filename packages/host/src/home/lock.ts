import { rm } from 'node:fs/promises';
import { ShoalError } from '@shoal/protocol';
import { type FileLock, lockFile } from '@shoal/files/file-lock';
import { writeDurably } from '@shoal/files/durable-write';
import { readOptional } from '@shoal/files/read';
import { homeFiles, type Home } from './home.ts';

export interface HomeLock {
  release(): Promise<void>;
}

/**
 * Makes this process the only node of a home, until it releases the lock or dies. Throws `INVALID_REQUEST` that names
 * the process which has it. The file beside the lock, with the pid, is only there to be shown.
 */
export async function lockHome(home: Home): Promise<HomeLock> {
  const files = homeFiles(home);
  const lock = await takeLock(files.lock, files.pid);
  await writeDurably(files.pid, `${process.pid}\n`);
  return {
    async release() {
      await rm(files.pid, { force: true });
      lock.release();
    },
  };
}

async function takeLock(lockPath: string, pidFile: string): Promise<FileLock> {
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
    throw new ShoalError('INVALID_REQUEST', `The lock ${lockPath} cannot be taken; if no node runs, delete it.`, {
      cause: error,
    });
  }
}
