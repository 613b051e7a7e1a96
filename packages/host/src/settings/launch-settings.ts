import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { DOOR_SETTINGS } from './door-table.ts';
import { kinds } from './kinds.ts';
import { longFlag, type Setting, type SettingTable } from './setting.ts';
import { parseSettings, type Settings } from './settings.ts';
import { type SettingName, SETTINGS } from './table.ts';
import { withoutUndefined } from './without-undefined.ts';

/** Values as flags give them: numbers may be texts, and an object may be a list of its members: names or `name=value`. */
export type Flags = { readonly [name in SettingName]?: unknown };

const TABLE: SettingTable = SETTINGS;
const TRUTH: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false };

/** The settings of one run: those of flags, else those of the environment. */
export function launchSettings(flags: Flags, environment: NodeJS.ProcessEnv): Settings {
  const fromFlags = parseSettings(typedValues(flags), flagOf);
  return resolvePaths(mergeSettings(environmentSettings(environment), fromFlags), process.cwd());
}

/** The settings of two sources. Those of `upper` replace those of `lower`, except for settings whose values are joined. */
export function mergeSettings(lower: Settings, upper: Settings): Settings {
  const merged: Record<string, unknown> = { ...withoutUndefined(lower), ...withoutUndefined(upper) };
  for (const [name, { merges }] of Object.entries(TABLE)) {
    if (merges && merged[name] !== undefined) merged[name] = joined(valueOf(lower, name), valueOf(upper, name));
  }
  return merged;
}

/** Resolves the paths among settings. The address or name of a model at a server stays as it is. */
export function resolvePaths(settings: Settings, folder: string): Settings {
  const resolved: Record<string, unknown> = { ...settings };
  for (const [name, { path }] of Object.entries(TABLE)) {
    if (path === undefined || (path === 'model' && settings.engine === 'openai')) continue;
    const absolute = (text: unknown): unknown =>
      typeof text === 'string' && (path === 'file' || isModelPath(text)) ? resolve(folder, text) : text;
    const value = resolved[name];
    if (value !== undefined) resolved[name] = Array.isArray(value) ? value.map(absolute) : absolute(value);
  }
  return resolved;
}

/** True if the text for a model is clearly a file and not a name. */
export function isModelPath(model: string): boolean {
  return /\.gguf$/i.test(model) || model.startsWith('.') || isAbsolute(model);
}

function environmentSettings(environment: NodeJS.ProcessEnv): Settings {
  const given = Object.entries(TABLE).flatMap(
    ([name, { variable = '', listVariable }]): (readonly [string, unknown])[] => {
      const text = environment[variable] ?? '';
      const items = listVariable === undefined ? [] : itemsOf(environment[listVariable] ?? '');
      if (items.length > 0) return [[name, [...new Set([...(text === '' ? [] : [text]), ...items])]]];
      return text === '' ? [] : [[name, text]];
    },
  );
  return parseSettings(
    typedValues(Object.fromEntries(given)),
    (path) => TABLE[path.split('.')[0] ?? '']?.variable ?? path,
  );
}

/** The items of a text, separated by commas. */
function itemsOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function typedValues(values: Flags): Record<string, unknown> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, typedValue(TABLE[name], value)]));
}

/** Converts texts where the setting is not a text. What cannot be converted is left for the schema to refuse. */
function typedValue(entry: Setting | undefined, value: unknown): unknown {
  const schema = entry?.schema(kinds);
  if (Array.isArray(value) && schema instanceof z.ZodObject) {
    return Object.fromEntries(value.map((name) => [name, {}]));
  }
  if (Array.isArray(value) && schema instanceof z.ZodRecord) return Object.fromEntries(value.map(assignment));
  if (typeof value !== 'string') return value;
  if (schema instanceof z.ZodArray) return entry?.separator === undefined ? [value] : value.split(entry.separator);
  if (schema instanceof z.ZodBoolean || isChoice(schema)) return TRUTH[value] ?? value;
  if (schema instanceof z.ZodNumber && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  return value;
}

/** True for the schema of a value that may be true or false among others. */
function isChoice(schema: z.ZodType | undefined): boolean {
  return schema instanceof z.ZodUnion && schema.options.some((option) => option instanceof z.ZodBoolean);
}

/** The name and the value of `name=value`. A text without a value is left for the schema to refuse. */
function assignment(text: unknown): readonly [string, string] {
  const [, name = String(text), value = ''] = /^([^=]*)=(.*)$/s.exec(String(text)) ?? [];
  return [name, value];
}

/** The flag of a setting: `--slots` for `slots`, `--queue` for `doors.donate.queue`, `--door back` for `doors.back`. */
function flagOf(path: string): string {
  const [name = '', member = '', key = ''] = path.split('.');
  const doors: Readonly<Record<string, SettingTable>> = DOOR_SETTINGS;
  const flag = name === 'doors' ? doors[member]?.[key]?.flag : undefined;
  if (flag !== undefined) return longFlag(flag);
  const own = TABLE[name]?.flag;
  if (own === undefined) return path;
  return name === 'doors' ? `${longFlag(own)} ${member}`.trimEnd() : longFlag(own);
}

function valueOf(settings: Settings, name: string): unknown {
  return Object.entries(settings).find(([key]) => key === name)?.[1];
}

/** Lists are joined without duplicates. Of two objects with the same member, that of `lower` is used. */
function joined(lower: unknown, upper: unknown): unknown {
  if (Array.isArray(lower) && Array.isArray(upper)) return [...new Set([...lower, ...upper])];
  if (isObject(lower) && isObject(upper)) return { ...withoutUndefined(upper), ...withoutUndefined(lower) };
  return lower ?? upper;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
