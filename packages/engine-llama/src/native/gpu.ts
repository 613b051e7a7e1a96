import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DEVICE_TYPES, type Library } from './library.ts';
import type { Pointer } from './structures.ts';

const FALLBACK_FOLDER = 'fallback';

/** A GPU that llama.cpp can compute on. */
export interface Gpu {
  /** The interface: `cuda`, `vulkan`, `metal`. */
  readonly name: string;
  readonly freeBytes: number;
}

/**
 * Returns the first GPU of the backends, which are loaded from a folder; GPUs with memory of their own come before integrated
 * ones. CUDA's package has a second build in a subfolder, for older drivers.
 */
export function findGpu(library: Library, folder: string): Gpu | undefined {
  const found = firstGpu(library);
  const fallback = join(folder, FALLBACK_FOLDER);
  if (found !== undefined || !existsSync(fallback)) return found === undefined ? undefined : describe(library, found);
  library.loadBackends(fallback);
  const other = firstGpu(library);
  return other === undefined ? undefined : describe(library, other);
}

function firstGpu(library: Library): Pointer | undefined {
  const devices = Array.from({ length: Number(library.deviceCount()) }, (_, index) => library.device(index));
  const ofType = (type: number) => devices.find((device) => library.deviceType(device) === type);
  return ofType(DEVICE_TYPES.gpu) ?? ofType(DEVICE_TYPES.integratedGpu);
}

function describe(library: Library, device: Pointer): Gpu {
  const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
  library.deviceMemory(device, free, total);
  const name = library.registryName(library.deviceRegistry(device)).toLowerCase();
  return { name, freeBytes: Number(free[0] ?? 0n) };
}
