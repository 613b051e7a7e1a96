import type { Command } from 'commander';
import { contextOf, example, type Finish } from '../command.ts';
import { settingFlags } from '../setting-flags.ts';

const SAVE = 'keep the flags given here in the configuration';

export function addLifeCycle(program: Command, finish: Finish): void {
  settingFlags(example(program.command('serve'), 'shoal serve --lend --cluster gatewayai-poc'), 'serve')
    .description('run the node in the foreground; on a terminal it shows a line for each request')
    .summary('run the node in the foreground')
    .option('--show-prompts', 'show the prompts too, which may be those of other people')
    .action(async (options: object, command: Command) =>
      finish(await (await import('./serve.ts')).serve(contextOf(command), options)),
    );
  settingFlags(example(program.command('start'), 'shoal start --lend --model ~/models/llama.gguf'), 'start')
    .description('run the node in the background')
    .option('--save', SAVE)
    .action(async (options: object, command: Command) =>
      finish(await (await import('./start.ts')).start(contextOf(command), options)),
    );
  settingFlags(example(program.command('restart'), 'shoal restart --no-lend'), 'restart')
    .description('stop the node and start it with the settings of its last start and the flags given here')
    .summary('stop the node and start it with its last settings')
    .option('--save', SAVE)
    .action(async (options: object, command: Command) =>
      finish(await (await import('./restart.ts')).restart(contextOf(command), options)),
    );
  example(program.command('stop'), 'shoal stop')
    .description('stop the node when its running answers are complete, or after 30 s')
    .summary('stop the node when its running answers are complete')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./stop.ts')).stop(contextOf(command))),
    );
  example(program.command('status'), 'shoal status --json')
    .description('show whether the node runs, its address, uptime, health, load and requests')
    .summary('show whether the node runs, its health and its load')
    .option('--health', 'show the parts of the health score')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./status.ts')).status(contextOf(command), command.opts())),
    );
  example(program.command('nodes'), 'shoal nodes')
    .description('list the nodes of this user on this machine, running or not')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./nodes.ts')).nodes(contextOf(command))),
    );
}
