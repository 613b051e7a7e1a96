import { type Command, Option } from 'commander';
import { contextOf, decimal, example, type Finish, notEmpty, positiveDecimal, positiveNumber } from '../command.ts';
import { doorFlags, settingFlags } from '../setting-flags.ts';

export function addQmesh(program: Command, finish: Finish): void {
  const qmesh = example(program.command('qmesh'), 'shoal qmesh worker\n  $ shoal qmesh ask "What is 2+2?"').description(
    'run a QMesh worker, or ask the healthiest one',
  );
  const worker = example(qmesh.command('worker'), 'shoal qmesh worker --model ~/models/llama.gguf');
  settingFlags(worker, 'qmesh worker', { contextLength: 'at most 2048' });
  doorFlags(worker, 'qmesh worker', 'qmesh', { capacity: positiveNumber })
    .addOption(topicFlag())
    .description('answer prompts of QMesh clients in the foreground; its id is in worker-id.txt of this folder')
    .option('--debug', 'log more')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./worker.ts')).qmeshWorker(contextOf(command), command.opts())),
    );
  settingFlags(example(qmesh.command('ask <text>'), 'shoal qmesh ask "What is 2+2?"'), 'qmesh ask')
    .addOption(topicFlag())
    .description('ask the healthiest worker; - reads the prompt from stdin')
    .option('--max-tokens <n>', 'the most tokens of the answer (default: 200)', positiveNumber)
    .option('--temperature <t>', '0 always picks the most likely token (default: 0.7)', decimal)
    .option(
      '--timeout <seconds>',
      'how long a worker may be silent before another is asked (default: 60)',
      positiveDecimal,
    )
    .option('--steps', 'print the steps on stdout too, as QMesh’s own client does')
    .action(async (text: string, _flags: object, command: Command) =>
      finish(await (await import('./ask.ts')).qmeshAsk(contextOf(command), text, command.opts())),
    );
}

function topicFlag(): Option {
  return new Option('--topic <name>', 'the name of the network (default: qmesh-inference)').argParser(notEmpty);
}
