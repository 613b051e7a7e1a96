import type { Command } from 'commander';
import {
  collectHosts,
  contextOf,
  decimal,
  engineFlags,
  example,
  type Finish,
  notEmpty,
  positiveDecimal,
  positiveNumber,
} from '../command.ts';

export function addQmesh(program: Command, finish: Finish): void {
  const qmesh = example(program.command('qmesh'), 'shoal qmesh worker\n  $ shoal qmesh ask "What is 2+2?"').description(
    'pool workers, and have the healthiest one answer',
  );
  networkFlags(
    engineFlags(example(qmesh.command('worker'), 'shoal qmesh worker --model ~/models/llama.gguf'), 'at most 2048'),
  )
    .description('answer prompts of QMesh clients, in the foreground; its id is kept in worker-id.txt of this folder')
    .option('--capacity <n>', 'prompts that wait and run at most; 10 where not given', positiveNumber)
    .option('--max-tokens <n>', 'the longest answer that others get')
    .option('--debug', 'log more')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./worker.ts')).qmeshWorker(contextOf(command), command.opts())),
    );
  networkFlags(example(qmesh.command('ask <text>'), 'shoal qmesh ask "What is 2+2?"'))
    .description('ask the healthiest worker; with - the prompt is read from stdin')
    .option('--max-tokens <n>', 'the longest answer; 200 where not given', positiveNumber)
    .option('--temperature <t>', '0 takes the likeliest token each time; 0.7 where not given', decimal)
    .option(
      '--timeout <seconds>',
      'how long a worker is waited for before another is asked; 60 where not given',
      positiveDecimal,
    )
    .action(async (text: string, _flags: object, command: Command) =>
      finish(await (await import('./ask.ts')).qmeshAsk(contextOf(command), text, command.opts())),
    );
}

function networkFlags(command: Command): Command {
  return command
    .option('--bootstrap <host:port>', 'enter the DHT here; may be repeated, or several with commas', collectHosts)
    .option('--topic <name>', 'meet in the network of this name, instead of qmesh-inference', notEmpty);
}
