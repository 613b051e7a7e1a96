import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ShoalError } from '@shoal/protocol/error';
import { findPlatformPackage, PLATFORM_PACKAGE } from '../platform-package.ts';

/** llama.cpp's libraries and the addon in the same folder. */
export interface Binaries {
  /** The folder with the libraries of all backends. */
  readonly folder: string;
  readonly llama: string;
  readonly ggml: string;
  readonly ggmlBase: string;
  readonly addon: string;
}

/** The libraries that npm installed for this machine. Throws `INTERNAL`, with what to install, if they are missing. */
export function installedBinaries(): Binaries {
  const platform = `${process.platform}-${process.arch}`;
  if (PLATFORM_PACKAGE === undefined) {
    throw missing(`There is no prebuilt llama.cpp for ${platform}; use another engine.`);
  }
  const installed = findPlatformPackage();
  if (installed === undefined) throw missing(`llama.cpp for ${platform} is missing: npm install ${PLATFORM_PACKAGE}`);
  return binariesOf(installed.folder);
}

/** Returns the libraries of one package, for this processor or a GPU. Throws `INTERNAL` if they are incomplete. */
export function binariesOf(ofPackage: string): Binaries {
  const bins = join(ofPackage, 'bins');
  const [only] = readdirSync(bins);
  const folder = join(bins, only ?? '');
  const files = readdirSync(folder);
  const library = (name: string): string => {
    // In a GPU's package the names of the libraries contain the backend: libllama.vulkan.v0.5.0.so.
    const pattern = new RegExp(`^(lib)?${name}(\\.[a-z]+)?(\\.v[\\d.]+)?\\.(so|dylib|dll)$`);
    const file = files.find((each) => pattern.test(each));
    if (file === undefined) throw missing(`${folder} has no library ${name}: install its package again`);
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

function missing(what: string): ShoalError {
  return new ShoalError('INTERNAL', what);
}
