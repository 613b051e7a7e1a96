import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { GpuBackend } from '@shoal/host/engines/places';
import { ShoalError } from '@shoal/protocol/error';

/** Default folder of CUDA, which is often not in PATH. */
const CUDA_FOLDER = '/usr/local/cuda/bin';

interface Need {
  readonly what: string;
  /** Any one of these programs is enough. */
  readonly programs: readonly string[];
  readonly debian: string;
  readonly fedora: string;
  readonly macos: string;
}

const XCODE = 'xcode-select --install';
const CPP_COMPILERS = ['c++', 'g++', 'clang++'];
const NEEDS: readonly Need[] = [
  { what: 'git', programs: ['git'], debian: 'git', fedora: 'git', macos: XCODE },
  { what: 'cmake', programs: ['cmake'], debian: 'cmake', fedora: 'cmake', macos: 'brew install cmake' },
  { what: 'a C++ compiler', programs: CPP_COMPILERS, debian: 'g++', fedora: 'gcc-c++', macos: XCODE },
  {
    what: 'a build program',
    programs: ['ninja', 'make', 'gmake'],
    debian: 'ninja-build',
    fedora: 'ninja-build',
    macos: 'brew install ninja',
  },
];
const GPU_NEEDS: Readonly<Record<GpuBackend, readonly Need[]>> = {
  none: [],
  metal: [],
  cuda: [
    {
      what: 'the CUDA compiler',
      programs: ['nvcc', join(CUDA_FOLDER, 'nvcc')],
      debian: 'nvidia-cuda-toolkit',
      fedora: 'cuda-toolkit',
      macos: 'not available',
    },
  ],
  vulkan: [
    {
      what: 'the Vulkan shader compiler',
      programs: ['glslc'],
      debian: 'glslc libvulkan-dev spirv-headers',
      fedora: 'glslc vulkan-devel spirv-headers-devel',
      macos: 'brew install vulkan-headers shaderc',
    },
  ],
};

/** The paths of the programs that a build uses. */
export interface Toolchain {
  readonly git: string;
  readonly cmake: string;
  /** The C++ compiler that cmake uses. */
  readonly compiler: string;
  readonly hasNinja: boolean;
}

/** Finds the programs for a build. Throws `INVALID_REQUEST` with all missing ones and the packages that contain them. */
export function findToolchain(gpu: GpuBackend): Toolchain {
  const missing = [...NEEDS, ...GPU_NEEDS[gpu]].filter(({ programs }) =>
    programs.every((one) => find(one) === undefined),
  );
  const [git, cmake] = [find('git'), find('cmake')];
  const compiler = [process.env['CXX'] ?? '', ...CPP_COMPILERS].map(find).find((path) => path !== undefined);
  if (missing.length > 0 || git === undefined || cmake === undefined || compiler === undefined) throw lacking(missing);
  return { git, cmake, compiler, hasNinja: find('ninja') !== undefined };
}

/**
 * Returns the default GPU backend of a build: Metal on a Mac with Apple's processor, CUDA with an Nvidia card, otherwise Vulkan;
 * CUDA and Vulkan only if their compilers are installed.
 */
export function defaultGpu(): GpuBackend {
  if (process.platform === 'darwin') return process.arch === 'arm64' ? 'metal' : 'none';
  const has = (gpu: GpuBackend): boolean =>
    GPU_NEEDS[gpu].every(({ programs }) => programs.some((one) => find(one) !== undefined));
  if (find('nvidia-smi') !== undefined && has('cuda')) return 'cuda';
  return hasVulkan() && has('vulkan') ? 'vulkan' : 'none';
}

/** True if the Vulkan headers are installed. The shader compiler alone is not enough. */
function hasVulkan(): boolean {
  return ['/usr/include/vulkan/vulkan.h', '/usr/local/include/vulkan/vulkan.h'].some((path) => existsSync(path));
}

function lacking(missing: readonly Need[]): ShoalError {
  const what = missing.map((need) => need.what).join(', ');
  const packages = (of: (need: Need) => string): string => [...new Set(missing.map(of))].join(' ');
  const ways =
    process.platform === 'darwin'
      ? [...new Set(missing.map(({ macos }) => macos))]
      : [
          `Debian, Ubuntu: apt install ${packages(({ debian }) => debian)}`,
          `Fedora: dnf install ${packages(({ fedora }) => fedora)}`,
        ];
  return ShoalError.invalidRequest(`To build llama.cpp this machine lacks ${what}.\n  ${ways.join('\n  ')}`);
}

/** Returns the path of a program, from PATH or an absolute path; undefined if it does not exist. */
function find(program: string): string | undefined {
  const folders = program.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  const paths = folders.flatMap((folder) => endings.map((ending) => join(folder, program + ending)));
  return paths.find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
