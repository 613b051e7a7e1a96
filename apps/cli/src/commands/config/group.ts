import type { Command } from 'commander';
import { contextOf, example, type Finish } from '../command.ts';

export function addConfig(program: Command, finish: Finish): void {
  const config = example(
    program.command('config'),
    'shoal config set lend true\n  $ shoal config list --show-origin',
  ).description('show and change the configuration of the node');
  example(config.command('get <name>'), 'shoal config get doors.donate.port')
    .description('print the value of a setting')
    .action(async (name: string, _flags: object, command: Command) =>
      finish(await (await import('./get.ts')).getSetting(contextOf(command), name)),
    );
  example(config.command('set <name> <values...>'), 'shoal config set clusters friends family')
    .description('keep the value of a setting, or the items of a list')
    .action(async (name: string, values: readonly string[], _flags: object, command: Command) =>
      finish(await (await import('./set.ts')).setSetting(contextOf(command), name, values)),
    );
  example(config.command('unset <name>'), 'shoal config unset slots')
    .description('remove a setting from the configuration')
    .action(async (name: string, _flags: object, command: Command) =>
      finish(await (await import('./set.ts')).unsetSetting(contextOf(command), name)),
    );
  example(config.command('list').alias('ls'), 'shoal config list --show-origin')
    .description('show every setting, except the values of secrets')
    .option('--show-origin', 'show where each value comes from')
    .action(async (flags: { readonly showOrigin?: boolean | undefined }, command: Command) =>
      finish(await (await import('./list.ts')).listSettings(contextOf(command), flags)),
    );
  example(config.command('edit'), 'shoal config edit')
    .description('open the configuration in VISUAL or EDITOR, and keep it if it is valid')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./edit.ts')).editFile(contextOf(command))),
    );
  example(config.command('check'), 'shoal config check')
    .description('check the configuration; errors have a line and a column')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./check.ts')).checkFile(contextOf(command))),
    );
}
