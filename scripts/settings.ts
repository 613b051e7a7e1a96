/**
 * The page docs/settings.md, made of the tables of settings. `npm run docs` writes it, and a test fails if the page and the
 * tables differ.
 */
import { kinds } from '../packages/host/src/settings/kinds.ts';
import { DOOR_SETTINGS } from '../packages/host/src/settings/door-table.ts';
import type { Setting, SettingTable } from '../packages/host/src/settings/setting.ts';
import { CLUSTER_SETTINGS, SETTINGS } from '../packages/host/src/settings/table.ts';

const HEAD = `# Settings

A setting comes from a flag, an environment variable or the configuration file: \`config.json\`, \`config.yaml\` or \`config.yml\`
in the home. A flag takes precedence over a variable, a variable over the file, and the file over the default. An empty variable
is not a value. The file uses the names on this page as keys.

A node does not start with a wrong value: the error names the setting, the values that it accepts and, for the file, the line and
the column. \`shoal config\` shows and changes the file: \`get\`, \`set\`, \`unset\`, \`list --show-origin\`, \`edit\` and \`check\`.
Comments and formatting stay. A file with a secret becomes readable by its owner only, and is
refused if other users can read it.

Flags and variables apply to one run; \`--save\` keeps the flags of \`shoal start\` and \`shoal restart\` in the file. \`shoal
restart\`, and \`shoal start\` after a crash, use those of the last run again. After \`shoal stop\` the file alone counts. A secret
is never recorded: where the last run had one that is missing now, both commands refuse and name its variable.

\`npm run docs\` makes this page from the tables in \`packages/host/src/settings\`.
`;

/** The tables whose settings are members of a setting. */
const MEMBERS: Readonly<Record<string, SettingTable>> = {
  opengateway: CLUSTER_SETTINGS,
  ...Object.fromEntries(Object.entries(DOOR_SETTINGS).map(([name, table]) => [`doors.${name}`, table])),
};

/** Returns the text of docs/settings.md. */
export function settingsPage(): string {
  const table: SettingTable = SETTINGS;
  const settings = Object.entries(table)
    .filter(([name]) => MEMBERS[name] === undefined)
    .map(([name, entry]) => section(name, entry));
  const members = Object.entries(MEMBERS).map(([name, entries]) => memberSection(name, entries));
  return [HEAD, ...settings, ...members].join('\n');
}

function section(name: string, entry: Setting): string {
  return `## ${name}\n\n${sentence(entry.description)}\n\n${bullets(facts(entry))}`;
}

function memberSection(name: string, table: SettingTable): string {
  const lines = Object.entries(table).map(([key, entry]) => {
    return `\`${key}\`: ${sentence(entry.description)} ${facts(entry).map(sentence).join(' ')}`;
  });
  return `## ${name}\n\n${bullets(lines)}`;
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}\n`).join('');
}

function facts(entry: Setting): string[] {
  const { flag, negation, commands = [], repeats, separator, variable, listVariable, merges, path, secret } = entry;
  const usual = defaultOf(entry);
  const flags = [flag, negation?.flag].filter((one) => one !== undefined).map(code);
  return [
    `Value: ${valuesOf(entry)}`,
    ...(usual === undefined ? [] : [`Default: ${usual}`]),
    ...(flag === undefined
      ? []
      : [`Flag: ${flags.join(' or ')} of ${sequence(commands.map((one) => code(`shoal ${one}`)))}`]),
    ...(repeats
      ? [`The flag may be repeated${separator === undefined ? '' : ', or several values separated by commas'}`]
      : []),
    ...(variable === undefined ? [] : [`Variable: ${code(variable)}`]),
    ...(listVariable === undefined ? [] : [`Variable for several, separated by commas: ${code(listVariable)}`]),
    ...(merges ? ['The values of all sources are joined'] : []),
    ...(path === undefined
      ? []
      : ['A relative path in the file is relative to its folder, any other to the working folder']),
    ...(secret
      ? [
          'A secret: its value is not recorded',
          'A configuration file that contains it must not be readable by other users',
        ]
      : []),
  ];
}

function defaultOf({ unset, default: value }: Setting): string | undefined {
  if (unset !== undefined) return unset;
  const isShown = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isShown ? code(String(value)) : undefined;
}

/** Returns the message of the schema for a value that no setting accepts. */
function valuesOf({ schema }: Setting): string {
  const message = schema(kinds).safeParse(Symbol('no value')).error?.issues[0]?.message;
  if (message === undefined) throw new Error('The schema of a setting accepts every value.');
  return message;
}

function code(text: string): string {
  return `\`${text}\``;
}

function sequence(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
