import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

const PROGRAM = 'llama-server';

/** A program and the source of its path. */
export interface FoundLlamaServer {
  readonly path: string;
  readonly by: 'configuration' | 'home' | 'PATH';
}

export interface LlamaServerPlaces {
  /** The path in the configuration. It excludes all others. */
  readonly configured?: string | undefined;
  /** Folders of Shoal's own builds, the preferred first. */
  readonly folders: readonly string[];
  /** The value of `PATH`. */
  readonly path?: string | undefined;
}

/**
 * Finds llama.cpp's `llama-server`: the configured one, else one of Shoal's own builds, else the one in `PATH`. Undefined if no
 * executable is found, and on Windows, where its process could outlive Shoal.
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
