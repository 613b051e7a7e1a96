import { ShoalError } from '@shoal/protocol';

/** SQLite's code for a disk that is full. */
const SQLITE_FULL = 13;

/** What a failed write to a file or a database means: `STORAGE_FULL` or `INTERNAL`. */
export function writeError(path: string, error: unknown): ShoalError {
  const isFull = error instanceof Error && 'errcode' in error && error.errcode === SQLITE_FULL;
  const code = isFull ? 'ENOSPC' : codeOf(error);
  const why = `${path} cannot be written (${code}). Run the same command again to go on.`;
  return new ShoalError(code === 'ENOSPC' ? 'STORAGE_FULL' : 'INTERNAL', why, { cause: error });
}

/** The system's code for what went wrong, such as `ENOENT`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
