import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join, sep } from 'node:path';

const OUTPUT_BYTES_MAX = 64 * 1024 ** 2;
/** Variables that npm, a test runner or a user set and that would change what a newly installed program does. */
const FOREIGN_VARIABLES =
  /^(npm_(package|lifecycle|command|execpath|node_execpath)|npm_config_(local_prefix|prefix)|INIT_CWD|SHOAL_|POC_|OPENGATEWAY_|XDG_|NODE_(?!EXTRA_CA_CERTS))/;

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a user who has this machine's own programs and nothing of this checkout. */
export function userEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !FOREIGN_VARIABLES.test(name));
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes(`node_modules${sep}.bin`));
  return {
    ...Object.fromEntries(own),
    PATH: path.filter((folder) => !folder.includes('node-gyp-bin')).join(delimiter),
  };
}

/** Finds a program as that user would. Throws if it is missing. */
export function findProgram(name: string): string {
  const folders = (userEnvironment()['PATH'] ?? '').split(delimiter);
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not in PATH.`);
  return found;
}

/** Runs a program to its end. Throws with its output if it fails or takes longer than `timeoutMs`. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { folder: string; environment?: NodeJS.ProcessEnv; timeoutMs?: number },
): Promise<Output> {
  const { folder: cwd, environment: env = userEnvironment(), timeoutMs: timeout = 0 } = options;
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { cwd, env, timeout, maxBuffer: OUTPUT_BYTES_MAX }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(new Error(`${program} ${args.join(' ')} failed.\n${stdout}\n${stderr}`, { cause: error }));
    }).stdin?.end();
  });
}
