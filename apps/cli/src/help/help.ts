import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { didYouMean } from './did-you-mean.ts';
import { childOf, commandNames } from './usage-error.ts';

/** `shoal help engine add`: prints the help of a command. Throws a usage error for an unknown one. */
export function showHelp(program: Command, names: readonly string[]): void {
  let command = program;
  for (const name of names) {
    const child = childOf(command, name);
    if (child === undefined) {
      const advice = didYouMean(name, commandNames(command)) || ' See "shoal --help".';
      throw CliError.usage(`unknown command '${name}'.${advice}`);
    }
    command = child;
  }
  command.outputHelp();
}
