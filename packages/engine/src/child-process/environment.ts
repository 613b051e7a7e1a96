/** An engine whose child processes get a part of this process's environment. */
export type ChildEngineName = 'llama' | 'llama-server';

/**
 * The variables that a program needs to run and to find its libraries and cards. A name that ends with `*` stands for all
 * names with that beginning, except those that look like a secret: `NVIDIA_API_KEY` does not configure a card.
 */
const OF_EVERY_ENGINE: readonly string[] = [
  'PATH',
  'HOME',
  'LANG',
  'LANGUAGE',
  'LC_*',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'LD_LIBRARY_PATH',
  'DYLD_*',
  // Drivers of cards: where they are, which cards are visible, and their caches.
  'CUDA_*',
  'NVIDIA_*',
  'HIP_*',
  'ROCR_*',
  'ROCM_*',
  'HSA_*',
  'GPU_*',
  'VK_*',
  'MESA_*',
  'RADV_*',
  'ZE_*',
  'ONEAPI_*',
  'SYCL_*',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_DIRS',
  'XDG_DATA_DIRS',
  'XDG_DATA_HOME',
  'XDG_RUNTIME_DIR',
  // The computing threads.
  'GGML_*',
  'OMP_*',
  'GOMP_*',
  'KMP_*',
  // Windows finds its own libraries and folders by these.
  'SystemRoot',
  'SystemDrive',
  'windir',
  'ComSpec',
  'PATHEXT',
  'APPDATA',
  'LOCALAPPDATA',
  'ProgramData',
  'ProgramFiles*',
  'USERPROFILE',
  'NUMBER_OF_PROCESSORS',
  'PROCESSOR_*',
];

/** Further variables of each engine. llama-server is configured by its command line alone, so it gets no `LLAMA_*`. */
const OF_ENGINE: Readonly<Record<ChildEngineName, readonly string[]>> = {
  llama: ['LLAMA_*', 'NODE_COMPILE_CACHE', 'NODE_DISABLE_COMPILE_CACHE'],
  'llama-server': [],
};

const SECRET = /KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH/i;

/**
 * Returns the environment of an engine's child process: the listed variables of this process and no others, so that code
 * that a model file has taken over finds no token of this node.
 */
export function childEnvironment(
  engine: ChildEngineName,
  environment: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const patterns = [...OF_EVERY_ENGINE, ...OF_ENGINE[engine]];
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => patterns.some((pattern) => isListed(name, pattern))),
  );
}

function isListed(name: string, pattern: string): boolean {
  // Windows ignores the case of a variable's name.
  const [one, other] = process.platform === 'win32' ? [name.toUpperCase(), pattern.toUpperCase()] : [name, pattern];
  return other.endsWith('*') ? one.startsWith(other.slice(0, -1)) && !SECRET.test(one) : one === other;
}
