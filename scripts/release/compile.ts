import { join } from 'node:path';
import { runProgram } from './program.ts';
import { ROOT } from './workspace.ts';

/** Compiles all packages to JavaScript and declarations. Returns the folder with `packages/*` and `apps/*`. */
export async function compile(folder: string): Promise<string> {
  const built = join(folder, 'build');
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  await runProgram(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', built], { folder: ROOT });
  return built;
}
