import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { ShoalError } from '@shoal/protocol/error';
import { errorCode, isMissing } from './error-code.ts';

/** The file's text, or undefined if there is no such file. Throws `INVALID_REQUEST` if it cannot be read. */
export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return unread(path, error);
  }
}

/** As `readOptional`, for a file that holds a secret: throws `UNAUTHORIZED` if others than its owner may read it. */
export async function readSecret(path: string): Promise<string | undefined> {
  const text = await readOptional(path);
  if (text !== undefined) checkPrivate(path, (await stat(path)).mode);
  return text;
}

/** As `readSecret`, for a file that is read while a request waits. */
export function readSecretSync(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    checkPrivate(path, statSync(path).mode);
    return text;
  } catch (error) {
    if (error instanceof ShoalError) throw error;
    return unread(path, error);
  }
}

function checkPrivate(path: string, mode: number): void {
  if (process.platform === 'win32' || (mode & 0o077) === 0) return;
  throw ShoalError.unauthorized(`${path} holds a secret that others may read. Run: chmod 600 ${path}`);
}

/** Returns undefined for a missing file. Any other failure is an error. */
function unread(path: string, error: unknown): undefined {
  if (isMissing(error)) return undefined;
  throw new ShoalError('INVALID_REQUEST', `${path} cannot be read (${errorCode(error)}).`, { cause: error });
}

/** The parsed JSON of a file, or undefined if there is no such file. Throws `INVALID_REQUEST` if it is not valid JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readOptional(path);
  return text === undefined ? undefined : parseJson(path, text);
}

/** Parses the text of the file `path`. Throws `INVALID_REQUEST`, with the path, if it is not valid JSON. */
export function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShoalError('INVALID_REQUEST', `${path} is not valid JSON.`, { cause: error });
  }
}
