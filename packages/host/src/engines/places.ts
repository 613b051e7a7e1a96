import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { type FoundLlamaServer, findLlamaServer } from '@shoal/engine/llama-server';
import { ShoalError } from '@shoal/protocol/error';
import { errorCode } from '@shoal/files/error-code';
import { z } from 'zod';
import { homeFiles, type Home } from '../home/home.ts';
import { findLlama } from './packages.ts';

const BUILD_PREFIX = 'llama.cpp-';
/** The file in a build's folder that describes the build. */
export const BUILD_DESCRIPTION = 'build.json';
const KEY_DIGITS = 16;

/** The GPU interfaces that llama.cpp can be built for. */
export const GPU_BACKENDS = ['cuda', 'vulkan', 'metal', 'none'] as const;
export type GpuBackend = (typeof GPU_BACKENDS)[number];

const buildSchema = z.object({
  release: z.string(),
  gpu: z.enum(GPU_BACKENDS),
  /** `processorKey` of the machine that it was built on. */
  processor: z.string(),
  builtAt: z.string(),
  /** The types of the models that it ran before it was kept. Undefined: it was built before builds were tried. */
  tried: z.array(z.string()).optional(),
});
const metadataSchema = z.object({ buildOptions: z.object({ llamaCpp: z.object({ release: z.string() }) }) });

export type BuildDescription = Readonly<z.infer<typeof buildSchema>>;

/** The source of llama.cpp in the release of the installed libraries. */
export interface LlamaCppSource {
  /** For example `v0.5.0`. */
  readonly release: string;
  /** The package that contains the source, with its version. */
  readonly specifier: string;
  /** The path of the source, a git bundle, in the home. It is downloaded when a build first needs it. */
  readonly bundle: string;
}

/** Returns undefined if no libraries of llama.cpp are installed. */
export function llamaCppSource(home: Home): LlamaCppSource | undefined {
  const { binary } = findLlama();
  if (binary === undefined) return undefined;
  const { release } = readMetadata(binary.folder).buildOptions.llamaCpp;
  const bundle = join(homeFiles(home).cache, `llama.cpp-${release}.bundle`);
  return { release, specifier: `node-llama-cpp@${binary.version}`, bundle };
}

/** Reads what the maker of a package of libraries recorded about its build. */
function readMetadata(packageFolder: string): z.infer<typeof metadataSchema> {
  const bins = join(packageFolder, 'bins');
  const [only = ''] = readdirSync(bins);
  return metadataSchema.parse(JSON.parse(readFileSync(join(bins, only, '_nlcBuildMetadata.json'), 'utf8')));
}

/** Returns the folder for a build of a release of llama.cpp. */
export function buildFolder(home: Home, release: string): string {
  return join(homeFiles(home).engines, BUILD_PREFIX + release);
}

/** Returns the folder for the GPU packages of a version of node-llama-cpp, each in a folder with its name. */
export function gpuPackagesFolder(home: Home, libraryVersion: string): string {
  return join(homeFiles(home).engines, `node-llama-cpp-${libraryVersion}`);
}

export interface Build extends BuildDescription {
  readonly folder: string;
}

/** Returns the builds of a home that this processor can run, the newest first. */
export function listBuilds(home: Home): readonly Build[] {
  const { engines } = homeFiles(home);
  return namesIn(engines)
    .filter((name) => name.startsWith(BUILD_PREFIX))
    .flatMap((name) => readBuild(join(engines, name)) ?? [])
    .filter(({ processor }) => processor === processorKey())
    .toSorted((one, other) => other.builtAt.localeCompare(one.builtAt));
}

/** Returns undefined if a folder does not contain a build. */
export function readBuild(folder: string): Build | undefined {
  const path = join(folder, BUILD_DESCRIPTION);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const result = buildSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  return result.success ? { ...result.data, folder } : undefined;
}

/** Returns a key of this processor's instructions. A build crashes on a processor with other instructions. */
export function processorKey(): string {
  const [processor] = cpus();
  const cpuInfo = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const instructions = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1] ?? processor?.model ?? '';
  const text = `${process.arch} ${instructions.trim()}`;
  return createHash('sha256').update(text).digest('hex').slice(0, KEY_DIGITS);
}

/**
 * Returns the `llama-server` that a node of this home would run. Undefined if there is none. Throws `INVALID_REQUEST` if the
 * configured one cannot be run.
 */
export function locateLlamaServer(home: Home, configured: string | undefined): FoundLlamaServer | undefined {
  const found = findLlamaServer({
    configured,
    folders: listBuilds(home).map(({ folder }) => folder),
    path: process.env['PATH'],
  });
  if (found !== undefined || configured === undefined) return found;
  throw ShoalError.invalidRequest(
    `The llama-server ${configured} is not a program that this user can run. Correct its path.`,
  );
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
