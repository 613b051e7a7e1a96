/** The system's code of an error, such as `ENOENT`. An error without a code is returned as text. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** True if the path of a failed call does not exist. A path below a file does not exist either. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errorCode(error));
}
