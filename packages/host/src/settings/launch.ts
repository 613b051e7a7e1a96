import { writeJson } from '@shoal/files/durable-write';
import { readJson } from '@shoal/files/read';
import { homeFiles, type Home } from '../home/home.ts';
import { longFlag, type SettingTable } from './setting.ts';
import { parseSettings, type Settings } from './settings.ts';
import { type SettingName, SETTINGS } from './table.ts';

const TABLE: SettingTable = SETTINGS;

/** Records the settings that a node was started with, without secrets. */
export function saveLaunch(home: Home, launch: Settings): Promise<void> {
  const isRecorded = ([name]: [string, unknown]): boolean => {
    const { secret = false, recorded = true } = TABLE[name] ?? {};
    return recorded && !secret;
  };
  return writeJson(homeFiles(home).launch, Object.fromEntries(Object.entries(launch).filter(isRecorded)));
}

/** The settings that the node of this home was last started with. Empty if it never was. */
export async function readLaunch(home: Home): Promise<Settings> {
  const path = homeFiles(home).launch;
  return parseSettings((await readJson(path)) ?? {}, (key) => `${path}: "${key}"`);
}

/** The flags of `shoal serve` for these settings. */
export function launchFlags(launch: Settings): string[] {
  return Object.entries(launch).flatMap(([name, value]) => {
    const flag = serveFlag(name);
    if (flag === undefined || value === undefined) return [];
    if (value === false) return TABLE[name]?.negation?.flag ?? [];
    return value === true ? flag : textsOf(value).map((text) => `${flag}=${text}`);
  });
}

/** The environment variables for those of these settings that `shoal serve` has no flag for. */
export function launchVariables(launch: Settings): Record<string, string> {
  const variables = Object.entries(launch).flatMap(([name, value]) => {
    const variable = serveFlag(name) === undefined ? TABLE[name]?.variable : undefined;
    return variable === undefined || value === undefined ? [] : [[variable, textsOf(value).join()] as const];
  });
  return Object.fromEntries(variables);
}

/** One text for each value of a flag that may be repeated. */
function textsOf(value: NonNullable<Settings[SettingName]>): string[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object') return [String(value)];
  return Object.entries(value).map(([name, member]) => (typeof member === 'string' ? `${name}=${member}` : name));
}

function serveFlag(name: string): string | undefined {
  const { flag, commands } = TABLE[name] ?? {};
  return flag !== undefined && commands?.includes('serve') ? longFlag(flag) : undefined;
}
