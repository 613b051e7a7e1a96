import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FOLDER_MODE } from '@shoal/files/durable-write';
import { errorCode } from '@shoal/files/error-code';
import { CliError } from '../cli-error.ts';

const IN_USE_OR_GONE: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT']);

/** A folder that exists at least until `close`. */
export interface CreatedFolder {
  readonly path: string;
  /** Removes the folders that were created, if they are empty. */
  close(): Promise<void>;
}

/** Creates a folder and its missing parents. Throws a usage error if that fails. */
export async function createFolder(folder: string): Promise<CreatedFolder> {
  const path = resolve(folder);
  const first = await make(path);
  return { path, close: () => (first === undefined ? Promise.resolve() : removeEmpty(path, resolve(first))) };
}

/** Returns the topmost folder that was created; undefined if all existed. */
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
