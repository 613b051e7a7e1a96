import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ShoalError } from '@shoal/protocol';

/** Only the owner reads what a node writes. */
const FILE_MODE = 0o600;

let written = 0;

/**
 * Replaces a file as one step: whoever reads it finds the old text or the new one, even after a crash in between. Throws
 * `STORAGE_FULL` where the disk is full.
 */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${++written}.tmp`;
  try {
    const file = await open(temporary, 'wx', FILE_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    const full = errorCode(error) === 'ENOSPC';
    throw new ShoalError(full ? 'STORAGE_FULL' : 'INTERNAL', `${path} could not be written (${errorCode(error)}).`, {
      cause: error,
    });
  }
}

/** A rename lasts only once its folder is on the disk too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The file's text; undefined where there is no such file. */
export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // Below what is no folder there is no file either; whoever wants to write there is told.
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return undefined;
    throw new ShoalError('INVALID_REQUEST', `${path} cannot be read (${errorCode(error)}).`, { cause: error });
  }
}

/** As `readOptional`, for a file that holds a secret: throws `UNAUTHORIZED` where others than its owner may read it. */
export async function readSecret(path: string): Promise<string | undefined> {
  const text = await readOptional(path);
  if (text === undefined) return undefined;
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0) {
    throw ShoalError.unauthorized(`${path} holds a secret that others may read. Run: chmod 600 ${path}`);
  }
  return text;
}

/** The parsed JSON of a file of ours; undefined where there is none. Throws `INVALID_REQUEST` where it is broken. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readOptional(path);
  return text === undefined ? undefined : parseJson(path, text);
}

export function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShoalError('INVALID_REQUEST', `${path} is not valid JSON.`, { cause: error });
  }
}

export function writeJson(path: string, value: unknown): Promise<void> {
  return writeFileAtomically(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
