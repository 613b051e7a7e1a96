import type { Command } from 'commander';
import { DOOR_SETTINGS, type DoorName } from '@shoal/host/settings/doors';
import type { Setting, SettingCommand, SettingTable } from '@shoal/host/settings/setting';
import { type SettingName, SETTINGS } from '@shoal/host/settings/table';

type ParseFlag = (text: string) => unknown;

/** Adds the flags for settings. Their values stay texts. `unset` replaces the defaults of the table in the help text. */
export function settingFlags(
  command: Command,
  name: SettingCommand,
  unset: { readonly [name in SettingName]?: string } = {},
): Command {
  const table: SettingTable = SETTINGS;
  const defaults: Readonly<Record<string, string>> = unset;
  for (const [setting, entry] of Object.entries(table)) {
    if (!entry.commands?.includes(name)) continue;
    addFlag(command, { ...entry, ...(defaults[setting] !== undefined && { unset: defaults[setting] }) });
  }
  return command;
}

/** Adds the flags for settings of a door. A flag with a parser is checked before the command runs. */
export function doorFlags<Door extends DoorName>(
  command: Command,
  name: SettingCommand,
  door: Door,
  parsers: { readonly [name in keyof (typeof DOOR_SETTINGS)[Door]]?: ParseFlag } = {},
): Command {
  const table: SettingTable = DOOR_SETTINGS[door];
  const parse: Readonly<Record<string, ParseFlag | undefined>> = parsers;
  for (const [setting, entry] of Object.entries(table)) {
    if (entry.commands?.includes(name)) addFlag(command, entry, parse[setting]);
  }
  return command;
}

function addFlag(command: Command, entry: Setting, parse?: ParseFlag): void {
  const { flag, negation, repeats, separator } = entry;
  if (flag === undefined) return;
  if (repeats) command.option(flag, descriptionOf(entry), collectorOf(separator));
  else if (parse === undefined) command.option(flag, descriptionOf(entry));
  else command.option(flag, descriptionOf(entry), parse);
  if (negation !== undefined) command.option(negation.flag, negation.description);
}

/** `the port of the local API; 0 picks a free one (default: 17002)` */
function descriptionOf({ description, repeats, separator, unset, default: value }: Setting): string {
  const repeated = repeats ? `; may be repeated${separator === undefined ? '' : ', or several with commas'}` : '';
  const usual = unset ?? (typeof value === 'string' || typeof value === 'number' ? value : undefined);
  return `${description}${repeated}${usual === undefined ? '' : ` (default: ${usual})`}`;
}

function collectorOf(separator: string | undefined): (text: string, before?: readonly string[]) => string[] {
  const textsOf = (text: string): readonly string[] =>
    separator === undefined ? [text] : text.split(separator).filter((one) => one !== '');
  return (text, before = []) => [...before, ...textsOf(text)];
}
