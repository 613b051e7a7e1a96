import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isObject } from '@shoal/protocol';
import { gpuPackagesFolder } from './places.ts';
import type { Home } from '../home/home.ts';
import { findLlama } from './packages.ts';

/** The GPU interfaces for which node-llama-cpp has packages that come on demand; Metal comes with every Mac. */
export const GPU_PACKAGES = ['cuda', 'vulkan'] as const;
export type PackagedGpu = (typeof GPU_PACKAGES)[number];

export interface GpuPackage {
  readonly gpu: PackagedGpu;
  /** The package's folder: what it loads is below `bins`. */
  readonly folder: string;
}

/** The name of node-llama-cpp's package for a GPU; undefined where there is none for this platform. */
export function gpuPackageName(gpu: PackagedGpu): string | undefined {
  if (process.arch !== 'x64') return undefined;
  if (process.platform === 'linux') return `@node-llama-cpp/linux-x64-${gpu}`;
  return process.platform === 'win32' ? `@node-llama-cpp/win-x64-${gpu}` : undefined;
}

/** The GPU packages in a home that have the version of the installed libraries. */
export function installedGpuPackages(home: Home): readonly GpuPackage[] {
  const { binary } = findLlama();
  if (binary === undefined) return [];
  return GPU_PACKAGES.flatMap((gpu) => {
    const name = gpuPackageName(gpu);
    if (name === undefined) return [];
    const folder = join(gpuPackagesFolder(home, binary.version), name);
    return isPackage(folder, name, binary.version) ? [{ gpu, folder }] : [];
  });
}

/**
 * What the engine llama computes with: CUDA where an Nvidia card is seen, else Vulkan, each where its package is here; undefined
 * for what npm installed, which uses Metal on Apple's processors and else the processor alone.
 */
export function chooseGpuPackage(home: Home, gpuLayers: number): GpuPackage | undefined {
  if (gpuLayers === 0) return undefined;
  const { cuda } = findLlama();
  const byNpm: readonly GpuPackage[] = cuda === undefined ? [] : [{ gpu: 'cuda', folder: cuda.folder }];
  const installed = [...installedGpuPackages(home), ...byNpm];
  const of = (wanted: PackagedGpu): GpuPackage | undefined => installed.find(({ gpu }) => gpu === wanted);
  return (seesNvidia() ? of('cuda') : undefined) ?? of('vulkan');
}

/** Its driver, or the program that comes with it. */
function seesNvidia(): boolean {
  const program = process.platform === 'win32' ? 'nvidia-smi.exe' : 'nvidia-smi';
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return existsSync('/proc/driver/nvidia/version') || folders.some((folder) => existsSync(join(folder, program)));
}

function isPackage(folder: string, name: string, version: string): boolean {
  const path = join(folder, 'package.json');
  if (!existsSync(path)) return false;
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return isObject(value) && value['name'] === name && value['version'] === version;
}
