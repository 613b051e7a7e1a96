import { ShoalError } from '@shoal/protocol/error';
import type { PackageFacts } from './npm.ts';

/**
 * The archives of the packages that `shoal engine add` installs, as npm writes hashes. They were read from npm's registry when
 * this version of llama.cpp was chosen. A registry that describes another archive is not believed.
 */
const SHA512_OF_PACKAGES: Readonly<Record<string, string>> = {
  '@node-llama-cpp/linux-x64-cuda@3.22.1':
    'sha512-8rQCjyNNLZJUFit+YpjwlC4hwkKgOMIkB2wuycKBf8NU2O3ySKbiWZQ8aw9ku2nUTXjSnUIrE6KB88itduTBuA==',
  '@node-llama-cpp/linux-x64-cuda-ext@3.22.1':
    'sha512-4e5ajkiM2aR2WAdB/N/ACk4weEhHvOAIrzxZPsIX0xDFW5+6hhShuy1/vs88SK9NGdgAco9IyE28eYS0H1efpA==',
  '@node-llama-cpp/linux-x64-vulkan@3.22.1':
    'sha512-bBxqU+JOcBu1nb5Qj2zcMci+JByT1E8EajHvYodyNfVIPkEhXh+/HMwR1/BT7xP08YK0hks+kM8fglER0P8JEg==',
};

/** Throws `INVALID_REQUEST` if no hash of a package is known, and `GENERATION_FAILED` if the registry has another archive. */
export function checkKnown({ specifier, integrity }: PackageFacts): void {
  const known = Object.hasOwn(SHA512_OF_PACKAGES, specifier) ? SHA512_OF_PACKAGES[specifier] : undefined;
  if (known === undefined) {
    throw ShoalError.invalidRequest(
      `This version of Shoal has no hash of ${specifier} to check a download with, so it is not downloaded. To compile llama.cpp for a GPU instead: shoal engine build --help`,
    );
  }
  if (integrity !== known) {
    throw ShoalError.generationFailed(
      `The registry describes another ${specifier} than the one that this version of Shoal was made with. Nothing was downloaded. Check the registry that npm uses.`,
    );
  }
}
