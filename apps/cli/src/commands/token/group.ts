import { type Command, InvalidArgumentError } from 'commander';
import { contextOf, example, type Finish, notEmpty, positiveNumber } from '../command.ts';

/** The values of `SCOPES`. Importing them would load more code for every command. */
const SCOPES = ['infer', 'read', 'admin'] as const;
/** In milliseconds. */
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

export function addToken(program: Command, finish: Finish): void {
  const token = example(
    program.command('token'),
    'shoal token create --name laptop\n  $ shoal token list\n  $ shoal token revoke laptop',
  ).description('create, list and revoke tokens for the local API');
  example(token.command('create'), 'shoal token create --name laptop --scope infer,read --expires 30d')
    .description('create a token and print it, once')
    .option('--name <name>', 'the name of the token (default: its id)', notEmpty)
    .option(
      '--scope <scopes>',
      `what it may do: ${SCOPES.join(', ')}; several with commas (default: infer,read)`,
      scopes,
    )
    .option('--expires <time>', 'how long it is valid, such as 12h, 30d or 8w (default: no end)', lifetime)
    .option('--rate <n>', 'the most requests per minute (default: the setting requestsPerMinute)', positiveNumber)
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./create.ts')).createApiToken(contextOf(command), command.opts())),
    );
  example(token.command('list').alias('ls'), 'shoal token list')
    .description('show the tokens, without their secrets')
    .action(async (_flags: object, command: Command) =>
      finish(await (await import('./list.ts')).listApiTokens(contextOf(command))),
    );
  example(token.command('revoke').alias('rm'), 'shoal token revoke laptop')
    .description('make a token invalid, also for the running node')
    .argument('<token>', 'the id or name of the token', notEmpty)
    .action(async (idOrName: string, _flags: object, command: Command) =>
      finish(await (await import('./revoke.ts')).revokeApiToken(contextOf(command), idOrName)),
    );
}

function scopes(text: string): (typeof SCOPES)[number][] {
  const parts = text.split(',').map((part) => part.trim());
  const known = SCOPES.filter((scope) => parts.includes(scope));
  if (known.length !== new Set(parts).size) {
    throw new InvalidArgumentError(`It must be one or more of ${SCOPES.join(', ')}, separated by commas.`);
  }
  return known;
}

/** Milliseconds of `90m`, `12h`, `30d` or `8w`. */
function lifetime(text: string): number {
  const [, amount, unit = ''] = /^([1-9]\d{0,5})([mhdw])$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('It must be a time such as 90m, 12h, 30d or 8w.');
  return Number(amount) * (UNITS[unit] ?? Number.NaN);
}
