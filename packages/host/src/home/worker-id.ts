import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { ShoalError } from '@shoal/protocol';
import { type FileLock, lockFile } from '@shoal/files/file-lock';
import { FILE_MODE, writeDurably } from '@shoal/files/durable-write';
import { readOptional } from '@shoal/files/read';

const ID_BYTES = 32;
/** Workers that can run in one folder at once. */
export const MAX_WORKERS_A_FOLDER = 64;

/** A worker's name for itself: its own as long as it holds it, and the same at its next start in that folder. */
export interface WorkerId {
  /** 64 hex digits. */
  readonly id: string;
  /** The file in which it stands. */
  readonly path: string;
  readonly release: () => void;
}

/**
 * The first id of a folder that no running worker has: `worker-id.txt`, else `worker-id-2.txt` and so on, made where it is
 * not there yet. Throws `INVALID_REQUEST` for a file that holds something else.
 */
export async function takeWorkerId(folder: string): Promise<WorkerId> {
  for (let number = 1; number <= MAX_WORKERS_A_FOLDER; number += 1) {
    const name = number === 1 ? 'worker-id' : `worker-id-${number}`;
    const lock = takeLock(join(folder, `.${name}.lock`));
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
      `${path} must hold 64 hex digits. Restore it, or delete it to become a worker with a new id.`,
    );
  }
  // One that was made by hand, or by another program.
  await chmod(path, FILE_MODE);
  return id;
}

/**
 * A lock whose file is gone once it is released. Somebody may have opened that file just before: whoever then holds a file
 * that has no name any more, or another one's, has no lock and tries again.
 */
function takeLock(path: string): FileLock | undefined {
  for (;;) {
    const before = makeFile(path);
    const lock = lockFile(path);
    if (lock === undefined) return undefined;
    if (before === inode(path)) {
      return {
        release() {
          // Windows removes no file that is open.
          if (process.platform !== 'win32') rmSync(path, { force: true });
          lock.release();
        },
      };
    }
    lock.release();
  }
}

function makeFile(path: string): number | undefined {
  try {
    closeSync(openSync(path, 'a', FILE_MODE));
  } catch (cause) {
    throw new ShoalError('INVALID_REQUEST', `${path} cannot be written. Start the worker in a folder of yours.`, {
      cause,
    });
  }
  return inode(path);
}

function inode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
