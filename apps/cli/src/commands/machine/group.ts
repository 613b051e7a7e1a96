import type { Command } from 'commander';
import { contextOf, example, type Finish, notEmpty, port } from '../command.ts';
import { settingFlags } from '../setting-flags.ts';

export function addMachine(program: Command, finish: Finish): void {
  example(program.command('resources'), 'shoal resources')
    .description('show the processor, memory and disk of this machine')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./resources.ts')).resources(contextOf(command))),
    );
  example(program.command('eligible'), 'shoal eligible')
    .description('show the tiers of clusters that this machine is large enough for')
    .summary('show the tiers that this machine is large enough for')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./resources.ts')).eligible(contextOf(command))),
    );
  settingFlags(example(program.command('doctor'), 'shoal doctor'), 'doctor')
    .description('check this installation and show how to fix problems')
    .action(async (options: object, command: Command) =>
      finish(await (await import('./doctor.ts')).doctor(contextOf(command), options)),
    );
  example(program.command('bootstrap'), 'shoal bootstrap --port 49737')
    .description('run the first node of a private DHT, for machines without internet')
    .summary('run the first node of a private DHT')
    .option('--port <port>', 'UDP port; 0 picks a free one', port, 49_737)
    .option('--host <address>', 'the IPv4 address at which others reach this machine', notEmpty, '0.0.0.0')
    .option('--background', 'return once it runs; without this flag it stays in the foreground')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./bootstrap.ts')).bootstrap(contextOf(command), command.opts())),
    );
  example(program.command('demo'), 'shoal demo --prompt "Explain quantum computing simply"')
    .description('run three nodes on this machine that find each other and answer a prompt')
    .summary('run three nodes on this machine that answer a prompt')
    .option('--prompt <text>', 'the prompt', 'What is 2+2?')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./demo.ts')).demo(contextOf(command), command.opts())),
    );
}
