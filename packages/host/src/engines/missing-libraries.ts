import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const LOAD_TIMEOUT_MS = 20_000;
/** A backend's library, and the addon, which contains the chat template's interpreter. */
const NEEDS_THE_SYSTEM = /-(cuda|vulkan)\.(so|dll)$|\.node$/;
/** Loads each file in a process of its own, which a bad library may end. Prints the errors. */
const SCRIPT = `
const errors = process.argv.slice(1).flatMap((path) => {
  try { process.dlopen({ exports: {} }, path); return []; } catch (error) { return [String(error.message)]; }
});
console.log(JSON.stringify(errors));
process.exit();`;
/** The loaders of glibc and of musl. */
const MISSING = /^(?:Error loading shared library )?(\S+?\.so[\d.]*): (?:cannot open shared object file|No such file)/;

/** Returns the libraries of the system that a package of llama.cpp needs and this machine lacks; empty if that is not known. */
export async function missingLibraries(packageFolder: string): Promise<readonly string[]> {
  const bins = join(packageFolder, 'bins');
  const [only = ''] = readdirSync(bins);
  const folder = join(bins, only);
  const paths = readdirSync(folder)
    .filter((name) => NEEDS_THE_SYSTEM.test(name))
    .map((name) => join(folder, name));
  const errors = await loadErrors(paths);
  return [...new Set(errors.flatMap((error) => missingLibrary(error) ?? []))];
}

/** Returns the library that an error of the system's loader names as missing. */
export function missingLibrary(error: string): string | undefined {
  return MISSING.exec(error)?.[1];
}

/** Returns what to install for a library. Undefined if it is not known. */
export function remedyFor(library: string): string | undefined {
  if (library.startsWith('libvulkan.')) return 'apt install libvulkan1 (Fedora: dnf install vulkan-loader)';
  if (library.startsWith('libcuda.')) return "install Nvidia's driver";
  if (/^lib(cudart|cublas|cublasLt|nvrtc)\./.test(library)) return "install Nvidia's CUDA runtime";
  return library.startsWith('libgomp.') ? 'apt install libgomp1 (Fedora: dnf install libgomp)' : undefined;
}

async function loadErrors(paths: readonly string[]): Promise<readonly string[]> {
  try {
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['-e', SCRIPT, ...paths], { timeout: LOAD_TIMEOUT_MS });
    const errors: unknown = JSON.parse(stdout);
    return Array.isArray(errors) ? errors.filter((error) => typeof error === 'string') : [];
  } catch (error) {
    // A process that a library has ended says nothing about other libraries.
    if (error instanceof Error) return [];
    throw error;
  }
}
