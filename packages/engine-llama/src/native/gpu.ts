import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DEVICE_TYPES, type Library } from './library.ts';
import type { Pointer } from './structures.ts';

const FALLBACK_FOLDER = 'fallback';

/** The cards that llama.cpp computes on together: it distributes the layers of a model among them. */
export interface Gpu {
  /** The interface: `cuda`, `vulkan`, `metal`. */
  readonly name: string;
  /** The free memory of each card. */
  readonly freeBytes: readonly number[];
}

/** The functions of llama.cpp that describe devices. */
export type DeviceLibrary = Pick<
  Library,
  'loadBackends' | 'deviceCount' | 'device' | 'deviceType' | 'deviceMemory' | 'deviceRegistry' | 'registryName'
>;

/**
 * Returns the cards of the backends, which are loaded from a folder. Cards with memory of their own are used without the
 * integrated ones, as llama.cpp does. CUDA's package has a second build in a subfolder, for older drivers.
 */
export function findGpu(library: DeviceLibrary, folder: string): Gpu | undefined {
  const found = usedCards(library);
  const fallback = join(folder, FALLBACK_FOLDER);
  if (found !== undefined || !existsSync(fallback)) return found;
  library.loadBackends(fallback);
  return usedCards(library);
}

function usedCards(library: DeviceLibrary): Gpu | undefined {
  const devices = Array.from({ length: Number(library.deviceCount()) }, (_, index) => library.device(index));
  const ofType = (type: number) => devices.filter((device) => library.deviceType(device) === type);
  const dedicated = ofType(DEVICE_TYPES.gpu);
  const cards = dedicated.length > 0 ? dedicated : ofType(DEVICE_TYPES.integratedGpu);
  const [first] = cards;
  if (first === undefined) return undefined;
  const name = interfaceOf(library, first);
  // Two interfaces may list the same card.
  const same = cards.filter((card) => interfaceOf(library, card) === name);
  return { name, freeBytes: same.map((card) => freeMemory(library, card)) };
}

function interfaceOf(library: DeviceLibrary, device: Pointer): string {
  return library.registryName(library.deviceRegistry(device)).toLowerCase();
}

function freeMemory(library: DeviceLibrary, device: Pointer): number {
  const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
  library.deviceMemory(device, free, total);
  return Number(free[0] ?? 0n);
}
