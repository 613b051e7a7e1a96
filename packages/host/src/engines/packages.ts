import {
  findPackage,
  findPlatformPackage,
  type InstalledPackage,
  PLATFORM_PACKAGE,
} from '@shoal/engine-llama/platform-package';

/** The packages of llama.cpp's libraries in this installation. */
export interface LlamaInstallation {
  /** Built for this machine's processor. */
  readonly binary?: InstalledPackage | undefined;
  /** Built for CUDA. It is large and installed on request only. */
  readonly cuda?: InstalledPackage | undefined;
}

export function findLlama(): LlamaInstallation {
  const cuda = PLATFORM_PACKAGE === undefined ? undefined : findPackage(`${PLATFORM_PACKAGE}-cuda`);
  return { binary: findPlatformPackage(), cuda };
}
