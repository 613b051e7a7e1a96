import type { Command } from 'commander';
import { collect, contextOf, decimal, example, type Finish, positiveDecimal, wholeNumber } from '../command.ts';

export function addPrompt(program: Command, finish: Finish): void {
  example(program.command('prompt [text]'), 'shoal prompt "What is 2+2?"\n  $ shoal prompt - < question.txt')
    .description(
      'send a prompt and print the answer as it streams; without TEXT, or with -, read the prompt from stdin',
    )
    .summary('have the node get a prompt answered, by its peers or itself')
    .option('--model <model>', 'a model’s name or digest')
    .option('--cluster <id>', 'use peers of this cluster only')
    .option('--max-tokens <n>', 'limit of the answer in tokens', wholeNumber)
    .option('--temperature <t>', '0 always chooses the most likely token', decimal)
    .option('--seed <n>', 'the same seed, model and prompt give the same answer', wholeNumber)
    .option('--deadline <seconds>', 'the time for the whole answer; no limit where not given', positiveDecimal)
    .option('--stop <text>', 'end the answer before this text; may be repeated', collect)
    .action(async (text: string | undefined, _flags: object, command: Command) =>
      finish(await (await import('./prompt.ts')).prompt(contextOf(command), text, command.opts())),
    );
}
