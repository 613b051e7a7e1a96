import type { Stats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errorCode, isMissing } from '@shoal/files/error-code';
import { CliError } from '../cli-error.ts';

/** The three files of a batch. */
export interface Paths {
  readonly input: string;
  readonly output: string;
  readonly errors: string;
}

/**
 * The default output of `questions.jsonl` is `questions.output.jsonl`; errors are written beside the output. Throws a usage
 * error if the paths cannot be written or are not three files.
 */
export async function batchPaths(
  input: string,
  options: { output?: string | undefined; errors?: string | undefined },
): Promise<Paths> {
  const output = options.output ?? `${input.replace(/\.jsonl$/, '')}.output.jsonl`;
  const errors = options.errors ?? `${output.replace(/(\.output)?\.jsonl$/, '')}.errors.jsonl`;
  for (const path of [output, errors]) await checkWritten(path);
  const all = await Promise.all([input, output, errors].map(realPath));
  if (new Set(all).size < all.length) throw CliError.usage('The input, --output and --errors must be three files.');
  return { input, output, errors };
}

async function checkWritten(path: string): Promise<void> {
  const folder = dirname(path);
  if ((await statOf(folder))?.isDirectory() !== true) throw CliError.usage(`There is no folder ${folder}.`);
  if ((await statOf(path))?.isDirectory() === true) throw CliError.usage(`${path} is a folder; give a .jsonl file.`);
}

/** Undefined if the path does not exist. */
async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw CliError.usage(`${path} cannot be used (${errorCode(error)}).`);
  }
}

async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    // A path that does not exist cannot be another name of a file.
    if (errorCode(error) === 'ENOENT') return resolve(path);
    throw CliError.usage(`${path} cannot be used (${errorCode(error)}).`);
  }
}
