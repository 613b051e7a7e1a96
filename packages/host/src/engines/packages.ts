import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The platforms' names in node-llama-cpp's packages. */
const BINARIES: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

export interface InstalledPackage {
  readonly folder: string;
  readonly version: string;
}

/** What the llama engine needs of this installation. */
export interface LlamaInstallation {
  readonly library?: InstalledPackage | undefined;
  /** llama.cpp, built for this machine's processor. */
  readonly binary?: InstalledPackage | undefined;
  /** The same with CUDA; it comes on demand, because it is larger than all else together. */
  readonly cuda?: InstalledPackage | undefined;
  readonly cudaPackage: string;
}

export function findLlama(): LlamaInstallation {
  const platform = BINARIES[`${process.platform}-${process.arch}`] ?? `${process.platform}-${process.arch}`;
  const cudaPackage = `@node-llama-cpp/${platform}-cuda`;
  const engine = fileURLToPath(import.meta.resolve('@shoal/engine'));
  const library = findPackage('node-llama-cpp', engine);
  if (library === undefined) return { cudaPackage };
  const binary = findPackage(`@node-llama-cpp/${platform}`, library.folder);
  const cuda = findPackage(cudaPackage, library.folder);
  return { library, cudaPackage, binary, cuda };
}

/** Looks in every node_modules from a file upwards. A package of another name in that place is an empty stand-in. */
function findPackage(name: string, from: string): InstalledPackage | undefined {
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    const description = join(candidate, 'package.json');
    if (existsSync(description)) {
      const found = JSON.parse(readFileSync(description, 'utf8')) as { name: string; version: string };
      return found.name === name ? { folder: candidate, version: found.version } : undefined;
    }
    if (folder === dirname(folder)) return undefined;
  }
}
