import { ShoalError } from '@shoal/protocol/error';
import { resolvePaths } from '../launch-settings.ts';
import type { SettingTable } from '../setting.ts';
import { parseSettings, type Settings } from '../settings.ts';
import { SETTINGS } from '../table.ts';

const TRUTH: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false };

/** Returns the keys of a setting's name: `doors`, `donate` and `port` of `doors.donate.port`. */
export function keysOf(name: string): readonly string[] {
  const [first = '', ...rest] = name.split('.');
  // The names of aliases contain dots.
  return first === 'aliases' && rest.length > 0 ? [first, rest.join('.')] : [first, ...rest];
}

/**
 * Returns the value that texts mean for a setting: JSON, a text, or the items of a list. Relative paths are those of the working
 * folder; `present` are the settings that are there. Throws `INVALID_REQUEST` with what the setting must be.
 */
export function parseValue(name: string, texts: readonly string[], present: Settings): unknown {
  const keys = keysOf(name);
  const errors: ShoalError[] = [];
  for (const candidate of candidates(name, texts)) {
    try {
      const settings = parseSettings(nested(keys, candidate), (key) => `"${key}"`);
      const { engine = present.engine } = settings;
      return at(resolvePaths({ ...settings, ...(engine !== undefined && { engine }) }, process.cwd()), keys);
    } catch (error) {
      if (!(error instanceof ShoalError)) throw error;
      errors.push(error);
    }
  }
  // The error of an item says more than that the value must be a list.
  throw errors.find(({ message }) => message.startsWith(`"${name}.`)) ?? errors[0] ?? noValue(name);
}

/** Throws `INVALID_REQUEST` with the known settings if there is no setting of this name. */
export function checkName(name: string): void {
  try {
    parseSettings(nested(keysOf(name), undefined), (key) => `"${key}"`);
  } catch (error) {
    if (error instanceof ShoalError && error.message.includes('is not a setting')) throw error;
  }
}

function candidates(name: string, texts: readonly string[]): unknown[] {
  const [text = '', ...more] = texts;
  const table: SettingTable = SETTINGS;
  const { separator } = table[name] ?? {};
  const items = separator === undefined ? texts : texts.flatMap((one) => one.split(separator));
  if (texts.length === 0) return [];
  if (more.length > 0) return [items];
  return [...(TRUTH[text] === undefined ? [] : [TRUTH[text]]), ...jsonOf(text), text, items];
}

/** Nothing for a text that is not JSON. */
function jsonOf(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}

function noValue(name: string): ShoalError {
  return ShoalError.invalidRequest(`"${name}" needs a value.`);
}

function nested(keys: readonly string[], value: unknown): unknown {
  return keys.reduceRight((inner, key) => ({ [key]: inner }), value);
}

/** Returns the value that keys lead to. Undefined if there is none. */
export function at(value: unknown, keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) found = Object.entries(Object(found)).find(([name]) => name === key)?.[1];
  return found;
}
