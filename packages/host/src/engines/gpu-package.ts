import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isObject } from '@shoal/protocol/json';
import { gpuPackagesFolder } from './places.ts';
import type { Home } from '../home/home.ts';
import { findLlama } from './packages.ts';

/** The GPU interfaces with packages of node-llama-cpp that are installed on demand. Metal is part of every Mac. */
export const GPU_PACKAGES = ['cuda', 'vulkan'] as const;
export type PackagedGpu = (typeof GPU_PACKAGES)[number];

export interface GpuPackage {
  readonly gpu: PackagedGpu;
  /** The package's folder, with its libraries in `bins`. */
  readonly folder: string;
}

/** Returns the name of node-llama-cpp's package for a GPU. Undefined if there is none for this platform. */
export function gpuPackageName(gpu: PackagedGpu): string | undefined {
  if (process.arch !== 'x64') return undefined;
  if (process.platform === 'linux') return `@node-llama-cpp/linux-x64-${gpu}`;
  return process.platform === 'win32' ? `@node-llama-cpp/win-x64-${gpu}` : undefined;
}

/** Returns the GPU packages in a home that have the version of the installed libraries. */
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
 * Returns the GPU package for the engine llama: CUDA if there is an Nvidia card, else Vulkan, each only if its package is
 * installed. Undefined for the libraries that npm installed, which use Metal on Apple's processors and else the processor.
 */
export function chooseGpuPackage(home: Home, gpuLayers: number): GpuPackage | undefined {
  if (gpuLayers === 0) return undefined;
  const { cuda } = findLlama();
  const byNpm: readonly GpuPackage[] = cuda === undefined ? [] : [{ gpu: 'cuda', folder: cuda.folder }];
  const installed = [...installedGpuPackages(home), ...byNpm];
  const of = (wanted: PackagedGpu): GpuPackage | undefined => installed.find(({ gpu }) => gpu === wanted);
  return (hasNvidia() ? of('cuda') : undefined) ?? of('vulkan');
}

/** Looks for Nvidia's driver, or the program that is installed with it. */
function hasNvidia(): boolean {
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
