import { ShoalError } from '@shoal/protocol/error';
import { runProgram } from './run-program.ts';
import type { Toolchain } from './toolchain.ts';

/**
 * Leaves out AMX of Intel's server processors, which the instructions of this machine (GGML_NATIVE) would turn on: llama-server
 * ends with SIGSEGV when it loads Q4_0 or Q8_0 weights with it. llama.cpp has no setting for that beside GGML_NATIVE.
 */
const NO_AMX_FLAGS = ['-mno-amx-tile', '-mno-amx-int8', '-mno-amx-bf16'];

/** Returns the environment for cmake, with the compiler's flags added to those that the user has set. */
export async function compilerEnvironment(toolchain: Toolchain, signal: AbortSignal): Promise<NodeJS.ProcessEnv> {
  if (process.arch !== 'x64' || !(await knowsAmx(toolchain, signal))) return process.env;
  const withFlags = (name: string): string => [process.env[name] ?? '', ...NO_AMX_FLAGS].join(' ').trim();
  return { ...process.env, CFLAGS: withFlags('CFLAGS'), CXXFLAGS: withFlags('CXXFLAGS') };
}

/** An older compiler does not know AMX, and refuses the flags. */
async function knowsAmx({ compiler }: Toolchain, signal: AbortSignal): Promise<boolean> {
  try {
    await runProgram(compiler, [...NO_AMX_FLAGS, '-E', '-x', 'c++', '/dev/null'], { signal });
    return true;
  } catch (error) {
    if (error instanceof ShoalError) return false;
    throw error;
  }
}
