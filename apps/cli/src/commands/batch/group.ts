import { type Command, Option } from 'commander';
import { contextOf, example, type Finish, positiveDecimal, positiveNumber, wholeNumber } from '../command.ts';
import { settingFlags } from '../setting-flags.ts';

export function addBatch(program: Command, finish: Finish): void {
  settingFlags(example(program.command('batch <file>'), 'shoal batch questions.jsonl --cluster gatewayai-poc'), 'batch')
    .description('have a file of requests in OpenAI’s batch format answered by all workers together')
    .summary('have a file of requests answered by all workers together')
    .option('--model <model>', 'ask this model, whatever the lines say')
    .option('--output <file>', 'where the answers go; FILE.output.jsonl where not given')
    .option('--errors <file>', 'where the lines that failed go; beside the answers where not given')
    .addOption(
      new Option('--order <order>', 'the order of the answers').choices(['input', 'completion']).default('input'),
    )
    .option(
      '--concurrency <n>',
      'at most so many at once; as many as the workers have slots where not given',
      positiveNumber,
    )
    .option('--retries <n>', 'how often a line that fails is asked again (default: 3)', wholeNumber)
    .option(
      '--deadline <seconds>',
      'the time for each line, retries included; no limit where not given',
      positiveDecimal,
    )
    .option('--retry-failed', 'ask the lines again that failed in an earlier run')
    .option('--restart', 'begin anew, where the default is to go on with what an earlier run has left')
    .action(async (file: string, _flags: object, command: Command) =>
      finish(await (await import('./batch.ts')).batch(contextOf(command), file, command.opts())),
    );
}
