import { isDiskFull } from '@shoal/files/disk-space';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol/error';

/** Converts the error of a failed write to `STORAGE_FULL` or `INTERNAL`. */
export function writeError(path: string, error: unknown): ShoalError {
  const isFull = isDiskFull(error);
  const reason = isFull ? 'the disk is full (ENOSPC). Free some space, and run' : `${errorCode(error)}. Run`;
  const why = `${path} cannot be written: ${reason} the same command again to go on.`;
  return new ShoalError(isFull ? 'STORAGE_FULL' : 'INTERNAL', why, { cause: error });
}
