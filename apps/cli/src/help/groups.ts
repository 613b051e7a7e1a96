import { type Command, Help } from 'commander';

/** The headings of `shoal --help`, with their commands in the order in which they are listed. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'Use:': ['run', 'prompt', 'batch'],
  'Node:': ['start', 'stop', 'restart', 'status', 'serve', 'nodes', 'logs', 'service'],
  'Clusters:': ['clusters', 'connect', 'disconnect', 'peers'],
  'Models:': ['pull', 'list', 'show', 'ps', 'cp', 'rm', 'models', 'saved'],
  'Doors for other programs:': ['share', 'chat', 'donate', 'push', 'qmesh'],
  'Machine and settings:': [
    'config',
    'engine',
    'token',
    'doctor',
    'resources',
    'eligible',
    'bootstrap',
    'demo',
    'completion',
    'update',
    'uninstall',
    'help',
  ],
};

const ORDER = Object.values(GROUPS).flat();

/** The layout of help texts. The program's own help lists each command with its name only. */
export const HELP_LAYOUT = {
  showGlobalOptions: true,
  subcommandTerm: (command: Command): string =>
    isOfProgram(command) ? command.name() : new Help().subcommandTerm(command),
  visibleCommands: (command: Command): Command[] => {
    const listed = new Help().visibleCommands(command);
    return command.parent === null ? listed.toSorted((one, other) => placeOf(one) - placeOf(other)) : listed;
  },
};

/** Sets the heading of each command of a program. */
export function groupCommands(program: Command): void {
  for (const [heading, names] of Object.entries(GROUPS)) {
    for (const command of program.commands) if (names.includes(command.name())) command.helpGroup(heading);
  }
}

function isOfProgram({ parent }: Command): boolean {
  return parent !== null && parent.parent === null;
}

/** A command without a group comes last. */
function placeOf(command: Command): number {
  const place = ORDER.indexOf(command.name());
  return place === -1 ? ORDER.length : place;
}
