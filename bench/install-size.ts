/**
 * Measures the disk space and the duration of `npm ci` in a clone of the last commit. HOME is clean, so every package comes
 * from the registry.
 *
 *   node bench/install-size.ts [--rounds 1] [--json]
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { benchOptions, median, report } from './report.ts';

const ROOT = join(import.meta.dirname, '..');
const run = promisify(execFile);

const options = benchOptions(1);
const packages: number[] = [];
const whole: number[] = [];
const seconds: number[] = [];
for (let round = 0; round < options.rounds; round++) await install();
const figures = [
  median('node_modules', 'MB', packages, { atMost: 400 }),
  median('the whole clone', 'MB', whole),
  median('npm ci', 's', seconds),
];
report('install-size', figures, options);

async function install(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-bench-'));
  const clone = join(folder, 'clone');
  const home = join(folder, 'home');
  try {
    await mkdir(home);
    await run('git', ['clone', '--quiet', '--depth', '1', `file://${ROOT}`, clone]);
    const startedAt = performance.now();
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: clone, env: { ...process.env, HOME: home } });
    seconds.push((performance.now() - startedAt) / 1_000);
    packages.push(await diskMb(join(clone, 'node_modules')));
    whole.push(await diskMb(clone));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The disk blocks of a folder, in millions of bytes. */
async function diskMb(folder: string): Promise<number> {
  const { stdout } = await run('du', ['-s', '-B1', folder]);
  return Number.parseInt(stdout, 10) / 1e6;
}
