import { resolve } from 'node:path';
import { buildFolder, type GpuBackend, llamaCppSource, processorKey, readBuild } from '@shoal/host/engines/places';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { BuildLine } from '../../engine/build-progress.ts';
import { buildLlamaCpp } from '../../engine/build.ts';
import { downloadSource } from '../../engine/download-source.ts';
import { findToolchain, defaultGpu } from '../../engine/toolchain.ts';
import { interruptible } from '../../models/interruptible.ts';
import { elapsed, print } from '../../terminal/output.ts';

export interface EngineBuildFlags {
  readonly gpu?: GpuBackend | undefined;
  /** The folder for the programs, instead of the home. */
  readonly output?: string | undefined;
  /** Build even if the same build exists. */
  readonly force?: boolean | undefined;
}

/** `shoal engine build`: compiles llama.cpp's programs for this machine. Ctrl-C leaves no files. */
export async function buildEngine(context: Context, flags: EngineBuildFlags): Promise<number> {
  if (process.platform === 'win32') {
    throw ShoalError.invalidRequest('llama-server is not used on Windows; the engine llama does its work there.');
  }
  const source = llamaCppSource(context.home);
  if (source === undefined) {
    throw ShoalError.invalidRequest(
      'llama.cpp, whose release the build must match, is not installed for this processor: npm install',
    );
  }
  const { gpu = defaultGpu(), force = false } = flags;
  const folder = flags.output === undefined ? buildFolder(context.home, source.release) : resolve(flags.output);
  const known = readBuild(folder);
  const isSame = known?.release === source.release && known.gpu === gpu && known.processor === processorKey();
  if (isSame && !force) {
    print(context, { ...known, built: false }, [
      `${source.release} is built already, in ${folder}; --force builds it anew`,
      ...(known.tried === undefined ? ['An older Shoal built it, and did not try it with models.'] : []),
    ]);
    return EXIT.ok;
  }
  const toolchain = findToolchain(gpu);
  const startedAt = performance.now();
  const line = new BuildLine();
  const build = await interruptible(async (signal) => {
    try {
      await downloadSource(source, line, signal);
      return await buildLlamaCpp({ source, folder, gpu, toolchain, line, signal });
    } finally {
      line.end();
    }
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  print(context, { ...build, folder, built: true, seconds: Math.round(seconds) }, [
    `Built llama.cpp ${build.release}${gpu === 'none' ? '' : ` for ${gpu}`} in ${elapsed(seconds)}: ${folder}`,
    `It loaded and ran models of the types ${build.tried?.join(', ')}.`,
    'Compare it with the engine llama: shoal engine measure',
  ]);
  return EXIT.ok;
}
