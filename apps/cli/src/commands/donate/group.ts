import { type Command, InvalidArgumentError } from 'commander';
import { contextOf, example, type Finish, notEmpty, port, positiveNumber } from '../command.ts';
import { doorFlags, settingFlags } from '../setting-flags.ts';

const MAX_TOKEN_ID = 0x7fff_ffff;

export function addDonate(program: Command, finish: Finish): void {
  const donate = example(program.command('donate'), 'shoal donate --host 0.0.0.0 --model ~/models/llama.gguf');
  doorFlags(settingFlags(donate, 'donate'), 'donate', 'donate', { host: notEmpty, port, queue: positiveNumber })
    .description('answer Donate compute clients of this machine or a trusted network in the foreground')
    .summary('answer clients of Donate compute')
    .option(
      '--folder <path>',
      'with model_push, the folder for pushed models while they are used (default: cache/donate of the home)',
      notEmpty,
    )
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./donate.ts')).donate(contextOf(command), command.opts())),
    );
  example(program.command('push [model]'), PUSH_EXAMPLES)
    .description(
      'send a model, by its name or GGUF file, to a Donate compute node and run it there; without MODEL, ask the node’s own model; without --prompt and --ids, only check that the node can run it',
    )
    .summary('run a model on a node of Donate compute')
    .requiredOption('--to <host[:port]>', 'the node')
    .option('--prompt <text>', 'the prompt; with MODEL it is converted to token ids here', notEmpty)
    .option('--ids <1,2,3>', 'token ids to continue, with MODEL', tokenIds)
    .option('--max-tokens <n>', 'the most tokens of the answer (default: 256, or 8 with --ids)', positiveNumber)
    .action(async (model: string | undefined, _flags: object, command: Command) =>
      finish(await (await import('./push.ts')).push(contextOf(command), model, command.opts())),
    );
}

const PUSH_EXAMPLES = `shoal push llama.gguf --to 192.168.1.5 --prompt "What is 2+2?"
  $ shoal push --to 192.168.1.5 --prompt "What is 2+2?"`;

function tokenIds(text: string): number[] {
  if (!/^\d+(,\d+)*$/.test(text)) throw new InvalidArgumentError('It must be token ids, such as 1,2,3.');
  const ids = text.split(',').map(Number);
  if (ids.some((id) => id > MAX_TOKEN_ID)) throw new InvalidArgumentError(`A token id is at most ${MAX_TOKEN_ID}.`);
  return ids;
}
