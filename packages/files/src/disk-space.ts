import { statfs } from 'node:fs/promises';
import { ShoalError } from '@shoal/protocol/error';
import { errorCode } from './error-code.ts';

/**
 * Stays free on a disk, or a twentieth of the disk if that is less. A pull that needs it is refused with
 * `STORAGE_FULL`.
 */
const RESERVE_BYTES = 256 * 1024 * 1024;
const RESERVE_SHARE = 20;

/** SQLite's code for a full disk. */
const SQLITE_FULL = 13;

/** True if a write failed because the disk, or the user's share of it, is full. Covers errors of `node:sqlite`. */
export function isDiskFull(error: unknown): boolean {
  if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_FULL) return true;
  return ['ENOSPC', 'EDQUOT'].includes(errorCode(error));
}

/** Throws `STORAGE_FULL` if writing `bytes` more would use up the reserve. */
export async function checkDiskSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const reserve = Math.min(RESERVE_BYTES, (blocks * bsize) / RESERVE_SHARE);
  const missingBytes = bytes + reserve - bavail * bsize;
  if (missingBytes > 0) throw storageFull(folder, { missingBytes });
}

/** Why a file cannot be written, by the system's code. */
const WRITE_FAULTS: Readonly<Record<string, string>> = {
  EROFS: 'its file system is read-only',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
};
const OTHER_HOME = 'set SHOAL_HOME (for models: SHOAL_MODELS) to a folder';

/**
 * The error to report for a failed write to a home: `STORAGE_FULL` or `INVALID_REQUEST` with the file, the reason and the
 * setting that helps, else `INTERNAL`. A `ShoalError` stays as it is.
 */
export function toWriteError(error: unknown, path: string): ShoalError {
  if (error instanceof ShoalError) return error;
  if (isDiskFull(error)) return storageFull(path, { cause: error });
  const code = errorCode(error);
  const why = WRITE_FAULTS[code];
  if (why === undefined) return new ShoalError('INTERNAL', `${path} could not be written (${code}).`, { cause: error });
  const message = `${path} cannot be written: ${why} (${code}). Change that, or ${OTHER_HOME} that this user may write to.`;
  return new ShoalError('INVALID_REQUEST', message, { cause: error });
}

function storageFull(path: string, { missingBytes, cause }: { missingBytes?: number; cause?: unknown }): ShoalError {
  const amount = missingBytes === undefined ? '' : `: ${Math.ceil(missingBytes / 1e6)} MB more are needed`;
  return new ShoalError(
    'STORAGE_FULL',
    `${path} cannot be written: the disk is full${amount}. Free some space, for example with "shoal rm", or ${OTHER_HOME} on another disk. Then try again.`,
    { cause },
  );
}
