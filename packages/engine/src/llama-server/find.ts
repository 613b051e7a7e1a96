import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

const PROGRAM = 'llama-server';

/** Where a program was found, and by what. */
export interface FoundLlamaServer {
  readonly path: string;
  readonly by: 'configuration' | 'home' | 'PATH';
}

export interface LlamaServerPlaces {
  /** What the owner says; nothing else counts then. */
  readonly configured?: string | undefined;
  /** Folders that may hold a build of ours, the best first. */
  readonly folders: readonly string[];
  /** The value of `PATH`. */
  readonly path?: string | undefined;
}

/**
 * llama.cpp's `llama-server` on this machine: the one that is configured, else one of our own builds, else the one in
 * `PATH`. Undefined where there is none that can be run, and on Windows, whose processes cannot be kept on a leash.
 */
export function findLlamaServer({ configured, folders, path = '' }: LlamaServerPlaces): FoundLlamaServer | undefined {
  if (process.platform === 'win32') return undefined;
  if (configured !== undefined) {
    return isProgram(configured) ? { path: configured, by: 'configuration' } : undefined;
  }
  const own = folders.map((folder) => join(folder, PROGRAM)).find(isProgram);
  if (own !== undefined) return { path: own, by: 'home' };
  const inPath = path.split(delimiter).filter(isAbsolute);
  const found = inPath.map((folder) => join(folder, PROGRAM)).find(isProgram);
  return found === undefined ? undefined : { path: found, by: 'PATH' };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
