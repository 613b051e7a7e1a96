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
 * `questions.jsonl` is answered in `questions.output.jsonl`; its errors go beside the output. Throws a usage error where
 * they cannot be written or are not three.
 */
export async function batchPaths(
  input: string,
  wanted: { output?: string | undefined; errors?: string | undefined },
): Promise<Paths> {
  const output = wanted.output ?? `${input.replace(/\.jsonl$/, '')}.output.jsonl`;
  const errors = wanted.errors ?? `${output.replace(/(\.output)?\.jsonl$/, '')}.errors.jsonl`;
  for (const path of [output, errors]) await checkWritten(path);
  const all = await Promise.all([input, output, errors].map(realPath));
  if (new Set(all).size < all.length) throw CliError.usage('The input, --output and --errors must be three files.');
  return { input, output, errors };
}

async function checkWritten(path: string): Promise<void> {
  const folder = dirname(path);
  if ((await look(folder))?.isDirectory() !== true) throw CliError.usage(`There is no folder ${folder}.`);
  if ((await look(path))?.isDirectory() === true) throw CliError.usage(`${path} is a folder; give a .jsonl file.`);
}

/** Undefined for what is not there yet. */
async function look(path: string): Promise<Stats | undefined> {
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
    // What is not there yet is nothing else.
    if (errorCode(error) === 'ENOENT') return resolve(path);
    throw CliError.usage(`${path} cannot be used (${errorCode(error)}).`);
  }
}
