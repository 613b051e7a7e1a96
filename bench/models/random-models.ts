import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Shapes of random models by name: the approximate number of million weights, and the writer's options. */
const RANDOM_MODELS = {
  // Fast enough to show only that a bench works.
  'tiny-q4_0': ['--layers', '2', '--width', '64', '--heads', '2', '--feed-forward', '128'],
  'tiny-f16': ['--layers', '2', '--width', '64', '--heads', '2', '--feed-forward', '128', '--type', 'f16'],
  '100m-q4_0': ['--width', '640', '--heads', '10', '--feed-forward', '1792'],
  '134m-q4_0': [],
  '134m-q8_0': ['--type', 'q8_0'],
  '134m-q4_0-128k': ['--vocabulary', '128000'],
  '558m-q4_0': ['--layers', '24', '--width', '1280', '--heads', '20', '--feed-forward', '3456'],
  '558m-q8_0': ['--layers', '24', '--width', '1280', '--heads', '20', '--feed-forward', '3456', '--type', 'q8_0'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type RandomModel = keyof typeof RANDOM_MODELS;

/** The path of a model of random weights. It is created once, in the system's temporary folder. */
export async function randomModel(name: RandomModel): Promise<string> {
  const folder = join(tmpdir(), 'shoal-bench-models');
  const path = join(folder, `random-${name}.gguf`);
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  const writer = join(import.meta.dirname, 'random-gguf.ts');
  await promisify(execFile)(process.execPath, [writer, '--out', `${path}.new`, ...RANDOM_MODELS[name]]);
  await rename(`${path}.new`, path);
  return path;
}
