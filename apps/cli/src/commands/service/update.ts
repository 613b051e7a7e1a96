import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { findInstallation, updateCommands } from '../../installation/installation.ts';
import { print } from '../../terminal/output.ts';

/** `shoal update`: says how this installation is updated, and changes nothing. */
export function update(context: Context): number {
  const installation = findInstallation();
  const commands = updateCommands(installation);
  print(context, { ...installation, commands: commands.filter((line) => !line.startsWith('#')) }, [
    `This Shoal is ${describe(installation)}. To update it:`,
    ...commands.map((line) => `  ${line}`),
    'Then restart the nodes that run: shoal restart, or shoal service install',
  ]);
  return EXIT.ok;
}

function describe({ kind, folder }: ReturnType<typeof findInstallation>): string {
  switch (kind) {
    case 'checkout':
      return `the checkout ${folder}`;
    case 'copy':
      return `the copy in ${folder}`;
    case 'script':
      return `installed by install.sh in ${folder}`;
    case 'npm':
      return `an npm package in ${folder}`;
    case 'npm global':
      return 'a global npm package';
    case 'archive':
      return `an npm package in ${folder}, from an archive`;
    default:
      return kind satisfies never;
  }
}
