import { isDiskFull } from '@shoal/files/disk-space';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol/error';

/** Converts the error of a failed write to `STORAGE_FULL` or `INTERNAL`. */
export function writeError(path: string, error: unknown): ShoalError {
  const isFull = isDiskFull(error);
  const why = `${path} cannot be written (${isFull ? 'ENOSPC' : errorCode(error)}). Run the same command again to go on.`;
  return new ShoalError(isFull ? 'STORAGE_FULL' : 'INTERNAL', why, { cause: error });
}
