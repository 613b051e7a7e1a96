import type { Command } from 'commander';
import { collect, contextOf, decimal, example, type Finish, wholeNumber } from '../command.ts';

export function addPrompt(program: Command, finish: Finish): void {
  example(program.command('prompt [text]'), 'shoal prompt "What is 2+2?"\n  $ shoal prompt - < question.txt')
    .description('ask, and see the answer as it comes; without TEXT, or with -, the prompt is read from stdin')
    .option('--model <model>', 'a model’s name or digest')
    .option('--cluster <id>', 'ask in this cluster only')
    .option('--max-tokens <n>', 'the longest answer', wholeNumber)
    .option('--temperature <t>', '0 takes the likeliest token each time', decimal)
    .option('--seed <n>', 'the same seed, model and prompt give the same answer', wholeNumber)
    .option('--stop <text>', 'end the answer before this text; may be repeated', collect)
    .action(async (text: string | undefined, _flags: object, command: Command) =>
      finish(await (await import('./prompt.ts')).prompt(contextOf(command), text, command.opts())),
    );
}
