import { type Command, InvalidArgumentError } from 'commander';
import { contextOf, example, type Finish, wholeNumber } from '../command.ts';

/** The levels of `log-line.ts`. Importing them would load more code for every command. */
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const LOG_LINES = 100;

export function addService(program: Command, finish: Finish): void {
  const service = example(
    program.command('service'),
    'shoal service install\n  $ shoal service status\n  $ shoal service uninstall',
  )
    .description('run the node as a service of this user (systemd; launchd and Windows tasks are untested)')
    .summary('run the node as a service of this user');
  example(service.command('install'), 'shoal service install')
    .description('write the service, start it, and let it start by itself; safe to repeat')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./service.ts')).installService(contextOf(command))),
    );
  example(service.command('uninstall'), 'shoal service uninstall')
    .description('stop the service and remove what install has made')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./service.ts')).uninstallService(contextOf(command))),
    );
  example(service.command('status'), 'shoal service status')
    .description('show whether the service is installed, runs, and starts by itself')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./service.ts')).serviceStatus(contextOf(command))),
    );
  logFlags(example(service.command('logs'), 'shoal service logs -f'))
    .description('show the log of the service, as "shoal logs" does')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./logs.ts')).logs(contextOf(command), command.opts())),
    );
  logFlags(example(program.command('logs'), 'shoal logs -f --level warn'))
    .description('show the log of the node in the background: lines for people on a terminal, JSON lines elsewhere')
    .summary('show the log of the node in the background')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./logs.ts')).logs(contextOf(command), command.opts())),
    );
}

export function addInstallation(program: Command, finish: Finish): void {
  example(program.command('update'), 'shoal update')
    .description('show how this installation is updated, without doing it')
    .summary('show how this installation is updated')
    .action(async (_flags: object, command: Command) =>
      finish((await import('./update.ts')).update(contextOf(command))),
    );
  example(program.command('uninstall'), 'shoal uninstall --models')
    .description('list the homes, services, engines and links of Shoal, and remove them once that is confirmed')
    .summary('list what belongs to Shoal, and remove it')
    .option('--models', 'remove the models too')
    .option('--yes', 'remove without a question')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./uninstall.ts')).uninstall(contextOf(command), command.opts())),
    );
}

function logFlags(command: Command): Command {
  return command
    .option('-f, --follow', 'go on with what the node writes from now on, until Ctrl-C')
    .option('--level <level>', `only lines of this level and above: ${LEVELS.join(', ')}`, level, 'debug')
    .option('-n, --lines <n>', 'begin with this many lines', wholeNumber, LOG_LINES);
}

function level(text: string): (typeof LEVELS)[number] {
  const found = LEVELS.find((one) => one === text);
  if (found === undefined) throw new InvalidArgumentError(`It must be one of ${LEVELS.join(', ')}.`);
  return found;
}
