import { Argument, type Command } from 'commander';
import { contextOf, example, type Finish } from '../command.ts';

/** The shells of `SCRIPTS`. Importing them would load more code for every command. */
const SHELLS = ['bash', 'zsh', 'fish'] as const;

export function addCompletion(program: Command, finish: Finish): void {
  example(program.command('completion'), 'shoal completion bash > ~/.local/share/bash-completion/completions/shoal')
    .description('print the script with which a shell completes commands, flags and names')
    .summary('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(async (shell: (typeof SHELLS)[number], _flags: object, command: Command) =>
      finish((await import('./completion.ts')).completion(contextOf(command), shell)),
    );
  program
    .command('__complete [words...]', { hidden: true })
    .description('print the words that may come next on a command line, for the completion scripts')
    .action(async (words: readonly string[], _flags: object, command: Command) =>
      finish(await (await import('./complete.ts')).complete(contextOf(command), program, words)),
    );
}
