import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FOLDER_MODE } from '@shoal/files/durable-write';
import { errorCode } from '@shoal/files/error-code';
import { CliError } from '../cli-error.ts';

const IN_USE_OR_GONE: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT']);

/** A folder that is there at least until it is closed. */
export interface PassingFolder {
  readonly path: string;
  /** Removes what had to be made of its path, as far as that is empty again. */
  close(): Promise<void>;
}

/** Makes what is not there of a path. Throws a usage error where that cannot be. */
export async function openPassingFolder(folder: string): Promise<PassingFolder> {
  const path = resolve(folder);
  const first = await make(path);
  return { path, close: () => (first === undefined ? Promise.resolve() : removeEmpty(path, resolve(first))) };
}

/** The topmost folder that was not there. */
async function make(path: string): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  } catch (error) {
    throw CliError.usage(`The folder ${path} cannot be made (${errorCode(error)}).`);
  }
}

async function removeEmpty(path: string, first: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (IN_USE_OR_GONE.has(errorCode(error))) return;
    throw error;
  }
  if (path !== first) await removeEmpty(dirname(path), first);
}
