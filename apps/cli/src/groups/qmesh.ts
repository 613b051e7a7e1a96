import type { Command } from 'commander';
import { engineFlags } from '../door-worker.ts';
import { collectHosts, contextOf, decimal, example, type Finish, wholeNumber } from './command.ts';

export function addQmesh(program: Command, finish: Finish): void {
  const qmesh = example(program.command('qmesh'), 'shoal qmesh worker\n  $ shoal qmesh ask "What is 2+2?"').description(
    'pool workers, and have the healthiest one answer',
  );
  networkFlags(engineFlags(example(qmesh.command('worker'), 'shoal qmesh worker --model ~/models/llama.gguf')))
    .description('answer prompts of QMesh clients, in the foreground; its id is kept in worker-id.txt of this folder')
    .option('--capacity <n>', 'prompts that wait and run at most', wholeNumber)
    .option('--max-tokens <n>', 'the longest answer that others get')
    .option('--debug', 'log more')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('../commands/qmesh-worker.ts')).qmeshWorker(contextOf(command), command.opts())),
    );
  networkFlags(example(qmesh.command('ask <text>'), 'shoal qmesh ask "What is 2+2?"'))
    .description('ask the healthiest worker; with - the prompt is read from stdin')
    .option('--max-tokens <n>', 'the longest answer', wholeNumber)
    .option('--temperature <t>', '0 takes the likeliest token each time', decimal)
    .option('--timeout <seconds>', 'how long a worker is waited for before another is asked', decimal)
    .action(async (text: string, _flags: object, command: Command) =>
      finish(await (await import('../commands/qmesh-ask.ts')).qmeshAsk(contextOf(command), text, command.opts())),
    );
}

function networkFlags(command: Command): Command {
  return command
    .option('--bootstrap <host:port>', 'enter the DHT here; may be repeated, or several with commas', collectHosts)
    .option('--topic <name>', 'meet in the network of this name, instead of qmesh-inference');
}
