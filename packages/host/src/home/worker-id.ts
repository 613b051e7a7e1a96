import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { ShoalError } from '@shoal/protocol/error';
import { type FileLock, lockFile } from '@shoal/files/file-lock';
import { FILE_MODE, writeDurably } from '@shoal/files/durable-write';
import { readOptional } from '@shoal/files/read';

const ID_BYTES = 32;
/** Workers that can run in one folder at once. */
export const MAX_WORKERS_A_FOLDER = 64;

/** The id of a worker. No other worker has it until its release, and the next start in the folder uses it again. */
export interface WorkerId {
  /** 64 hex digits. */
  readonly id: string;
  /** The file that contains it. */
  readonly path: string;
  readonly release: () => void;
}

/**
 * Returns the first id of a folder that no running worker has: that of `worker-id.txt`, else of `worker-id-2.txt` and so on.
 * Creates the file if it does not exist. Throws `INVALID_REQUEST` if a file is not valid.
 */
export async function acquireWorkerId(folder: string): Promise<WorkerId> {
  for (let number = 1; number <= MAX_WORKERS_A_FOLDER; number += 1) {
    const name = number === 1 ? 'worker-id' : `worker-id-${number}`;
    const lock = acquireLock(join(folder, `.${name}.lock`));
    if (lock === undefined) continue;
    const path = join(folder, `${name}.txt`);
    try {
      return { id: await loadId(path), path, release: () => lock.release() };
    } catch (error) {
      lock.release();
      throw error;
    }
  }
  throw ShoalError.invalidRequest(`${MAX_WORKERS_A_FOLDER} workers run in ${folder} already. Use another folder.`);
}

async function loadId(path: string): Promise<string> {
  const text = await readOptional(path);
  if (text === undefined) {
    const id = randomBytes(ID_BYTES).toString('hex');
    await writeDurably(path, `${id}\n`);
    return id;
  }
  const id = text.trim();
  if (!/^[0-9a-f]{64}$/.test(id)) {
    throw ShoalError.invalidRequest(
      `${path} must contain 64 hex digits. Restore it, or delete it to become a worker with a new id.`,
    );
  }
  // It may have been written by hand or by another program.
  await chmod(path, FILE_MODE);
  return id;
}

/**
 * Acquires a lock whose release removes the file. Another process may have opened the file just before its removal: its lock
 * is then on a file without a name, so it compares inodes and tries again.
 */
function acquireLock(path: string): FileLock | undefined {
  for (;;) {
    const before = createFile(path);
    const lock = lockFile(path);
    if (lock === undefined) return undefined;
    if (before === inode(path)) {
      return {
        release() {
          // Windows cannot remove an open file.
          if (process.platform !== 'win32') rmSync(path, { force: true });
          lock.release();
        },
      };
    }
    lock.release();
  }
}

function createFile(path: string): number | undefined {
  try {
    closeSync(openSync(path, 'a', FILE_MODE));
  } catch (cause) {
    throw new ShoalError(
      'INVALID_REQUEST',
      `${path} cannot be written. Start the worker in a folder that this user can write to.`,
      {
        cause,
      },
    );
  }
  return inode(path);
}

function inode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
