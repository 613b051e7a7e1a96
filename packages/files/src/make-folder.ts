import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { FOLDER_MODE } from './durable-write.ts';
import { isMissing } from './error-code.ts';

/**
 * Creates a folder, and those above it, if it does not exist. Returns the first folder that was created, undefined if there was
 * none. Throws the system's error.
 */
export function makeFolder(folder: string): string | undefined {
  try {
    return mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  } catch (error) {
    // Node reports a missing folder if the file system is read-only. This throws the real reason.
    if (isMissing(error)) accessSync(existingFolder(folder), constants.W_OK);
    throw error;
  }
}

/** Returns the folder, or its nearest ancestor that exists. */
export function existingFolder(folder: string): string {
  return existsSync(folder) || folder === dirname(folder) ? folder : existingFolder(dirname(folder));
}
