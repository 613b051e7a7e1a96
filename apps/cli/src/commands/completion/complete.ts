import type { Command } from 'commander';
import { EXIT } from '../../cli-error.ts';
import { candidates } from '../../completion/candidates.ts';
import { namesOf } from '../../completion/names.ts';
import type { Context } from '../../context.ts';

/** `shoal __complete`: prints the words that may come next, one a line, each with a tab and its description. */
export async function complete(context: Context, program: Command, words: readonly string[]): Promise<number> {
  const found = await candidates(program, words, namesOf(context));
  process.stdout.write(found.map(({ word, about }) => `${word}\t${about}\n`).join(''));
  return EXIT.ok;
}
