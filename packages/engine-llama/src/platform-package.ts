import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isObject } from '@shoal/protocol/json';

/** The packages with llama.cpp's libraries, built for a processor, by platform and architecture. There are more for GPUs. */
const PLATFORM_PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': '@node-llama-cpp/linux-x64',
  'linux-arm64': '@node-llama-cpp/linux-arm64',
  'darwin-x64': '@node-llama-cpp/mac-x64',
  'darwin-arm64': '@node-llama-cpp/mac-arm64-metal',
  'win32-x64': '@node-llama-cpp/win-x64',
  'win32-arm64': '@node-llama-cpp/win-arm64',
};

/** The package for this machine's processor. Undefined if there is none. */
export const PLATFORM_PACKAGE = PLATFORM_PACKAGES[`${process.platform}-${process.arch}`];

export interface InstalledPackage {
  readonly folder: string;
  readonly version: string;
}

/** Returns the installed package with llama.cpp for this machine's processor, or undefined. */
export function findPlatformPackage(): InstalledPackage | undefined {
  return PLATFORM_PACKAGE === undefined ? undefined : findPackage(PLATFORM_PACKAGE);
}

/** Finds an installed package of llama.cpp's libraries by name. Returns undefined if it is not installed. */
export function findPackage(name: string): InstalledPackage | undefined {
  const entry = resolveEntry(name);
  if (entry === undefined) return undefined;
  const folder = join(dirname(entry), '..');
  const description: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const version = isObject(description) ? description['version'] : undefined;
  return typeof version === 'string' ? { folder, version } : undefined;
}

/** Each of these packages has its entry point at `dist/index.js`. */
function resolveEntry(name: string): string | undefined {
  try {
    return fileURLToPath(import.meta.resolve(name));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
