import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShoalError } from '@shoal/protocol';

const PACKAGE = 'node-llama-cpp';

/** The package of node-llama-cpp that has llama.cpp for a processor; there are more for GPUs. */
const PLATFORM_PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'mac-x64',
  'darwin-arm64': 'mac-arm64-metal',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

/** llama.cpp's libraries, and the addon beside them. */
export interface Binaries {
  /** Of the libraries of all backends. */
  readonly folder: string;
  readonly llama: string;
  readonly ggml: string;
  readonly ggmlBase: string;
  readonly addon: string;
}

/** Those of the packages that npm installed for this machine. Throws `INTERNAL` that says what to install. */
export function installedBinaries(): Binaries {
  const platform = `${process.platform}-${process.arch}`;
  const name = PLATFORM_PACKAGES[platform];
  if (name === undefined) throw missing(`There is no llama.cpp for ${platform} in ${PACKAGE}; use another engine.`);
  const home = packageFolder();
  // npm and pnpm put a package's dependencies beside it, or within it.
  const folders = [join(home, '..', '@node-llama-cpp', name), join(home, 'node_modules', '@node-llama-cpp', name)];
  const found = folders.find((folder) => existsSync(join(folder, 'bins')));
  if (found === undefined) throw missing(`llama.cpp for ${platform} is missing: npm install ${PACKAGE}`);
  return binariesOf(found);
}

/** The libraries of one package: of this processor, or of a GPU. Throws `INTERNAL` where they are not complete. */
export function binariesOf(ofPackage: string): Binaries {
  const bins = join(ofPackage, 'bins');
  const [only] = readdirSync(bins);
  const folder = join(bins, only ?? '');
  const files = readdirSync(folder);
  const library = (name: string): string => {
    // A GPU's package has its name in those of the libraries: libllama.vulkan.v0.5.0.so.
    const pattern = new RegExp(`^(lib)?${name}(\\.[a-z]+)?(\\.v[\\d.]+)?\\.(so|dylib|dll)$`);
    const file = files.find((each) => pattern.test(each));
    if (file === undefined) throw missing(`${folder} has no library ${name}: npm install ${PACKAGE}`);
    return join(folder, file);
  };
  return {
    folder,
    llama: library('llama'),
    ggml: library('ggml'),
    ggmlBase: library('ggml-base'),
    addon: join(folder, 'llama-addon.node'),
  };
}

function packageFolder(): string {
  try {
    return join(dirname(fileURLToPath(import.meta.resolve(PACKAGE))), '..');
  } catch (error) {
    throw missing(`A package that models need is missing: npm install ${PACKAGE}`, error);
  }
}

function missing(what: string, cause?: unknown): ShoalError {
  return new ShoalError('INTERNAL', what, { cause });
}
