import { findProgram, runProgram } from './program.ts';
import { ROOT } from './workspace.ts';

const NPM_TIMEOUT_MS = 30_000;

/** Throws with everything that is missing before the packages can be published. */
export async function checkReadiness(version: string): Promise<void> {
  const obstacles: string[] = [];
  const user = await npm(['whoami']);
  if (user === undefined) obstacles.push('npm is not logged in to a registry: run "npm login".');
  const changes = (await runProgram('git', ['status', '--porcelain'], { folder: ROOT })).stdout.trim();
  if (changes !== '') obstacles.push('the working tree has changes: commit them.');
  const tags = (await runProgram('git', ['tag', '--points-at', 'HEAD'], { folder: ROOT })).stdout.split('\n');
  if (!tags.includes(`v${version}`)) obstacles.push(`the commit has no tag v${version}: run "git tag v${version}".`);
  if (obstacles.length === 0) return;
  const lines = obstacles.map((obstacle) => `  - ${obstacle}`);
  const remedy = 'To build, pack and try out everything without publishing: npm run release -- --dry-run';
  throw new Error(['Nothing was published:', ...lines, remedy].join('\n'));
}

/** Publishes the archives in their order, so that a package's dependencies are there before it. */
export async function publish(archives: readonly string[]): Promise<void> {
  for (const archive of archives) {
    await runProgram(findProgram('npm'), ['publish', archive, '--access', 'public'], { folder: ROOT });
    console.log(`Published ${archive}`);
  }
}

/** The output of npm, or undefined if it fails. */
async function npm(args: readonly string[]): Promise<string | undefined> {
  try {
    const options = { folder: ROOT, timeoutMs: NPM_TIMEOUT_MS };
    return (await runProgram(findProgram('npm'), args, options)).stdout.trim();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
