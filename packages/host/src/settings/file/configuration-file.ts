import { ShoalError } from '@shoal/protocol/error';
import { readOptional } from '@shoal/files/read';
import { homeFiles, type Home } from '../../home/home.ts';
import type { SettingTable } from '../setting.ts';
import { parseSettings, type Settings } from '../settings.ts';
import { SETTINGS } from '../table.ts';
import { unusedKeys, withoutOpenGatewayKeys } from './opengateway-keys.ts';
import { type Keys, type Place, placeOf } from './place.ts';

/** The configuration file of a home. */
export interface ConfigurationFile {
  readonly path: string;
  readonly text: string;
}

/** Returns undefined if there is none. Throws `INVALID_REQUEST` if there are two. */
export async function findConfiguration(home: Home): Promise<ConfigurationFile | undefined> {
  const found: ConfigurationFile[] = [];
  for (const path of homeFiles(home).configurations) {
    const text = await readOptional(path);
    if (text !== undefined) found.push({ path, text });
  }
  const [file, another] = found;
  if (file === undefined || another === undefined) return file;
  throw ShoalError.invalidRequest(`There are two configurations, ${file.path} and ${another.path}. Keep one.`);
}

export function isJson({ path }: Pick<ConfigurationFile, 'path'>): boolean {
  return path.endsWith('.json');
}

/**
 * Returns the settings of a file as they are written there, with relative paths. Throws `INVALID_REQUEST` with the file, the
 * line and the column of the first error.
 */
export async function settingsOfFile(file: ConfigurationFile): Promise<Settings> {
  const value = withoutOpenGatewayKeys(await valueOfFile(file));
  const wrong: Keys[] = [];
  try {
    // An empty YAML file is null.
    return parseSettings(value ?? {}, (key, keys) => {
      wrong.push(keys);
      return key === '' ? '' : `"${key}"`;
    });
  } catch (error) {
    const [keys] = wrong;
    if (!(error instanceof ShoalError) || keys === undefined) throw error;
    const place = keys.length === 0 ? undefined : await placeOf(file.text, keys);
    throw ShoalError.invalidRequest(`${locationOf(file, place)}${place === undefined ? '' : ': '}${error.message}`);
  }
}

/** True for settings of which one is a secret: other users must not be able to read their file. */
export function hasSecret(settings: Settings): boolean {
  const table: SettingTable = SETTINGS;
  return Object.keys(settings).some((name) => table[name]?.secret === true);
}

/** Returns the keys of OpenGateway that the configuration has and that are not used. */
export async function unusedOpenGatewayKeys(home: Home): Promise<readonly string[]> {
  const file = await findConfiguration(home);
  return file === undefined ? [] : unusedKeys(await valueOfFile(file));
}

/** Parses a file. Throws `INVALID_REQUEST` with the line and the column if it is not JSON or YAML. */
export function valueOfFile(file: ConfigurationFile): Promise<unknown> {
  return isJson(file) ? parseJson(file) : parseYaml(file);
}

/** `/home/ada/.config/shoal/config.json:3:5`, which editors understand. */
export function locationOf({ path }: Pick<ConfigurationFile, 'path'>, place: Place | undefined): string {
  return place === undefined ? path : `${path}:${place.line}:${place.column}`;
}

async function parseJson(file: ConfigurationFile): Promise<unknown> {
  try {
    return JSON.parse(file.text);
  } catch (error) {
    const place = placeAt(file.text, jsonErrorOffset(file.text));
    throw new ShoalError('INVALID_REQUEST', `${locationOf(file, place)}: This is not valid JSON.`, { cause: error });
  }
}

/** Searches the shortest beginning of the text that cannot be completed to JSON, because not every error has a position. */
function jsonErrorOffset(text: string): number {
  let [sound, broken] = [0, text.length + 1];
  while (broken - sound > 1) {
    const middle = Math.floor((sound + broken) / 2);
    if (endsTooEarly(text.slice(0, middle))) sound = middle;
    else broken = middle;
  }
  return sound;
}

/** True for a text whose error is that it ends. */
function endsTooEarly(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    return /end of JSON input|^Unterminated/.test(message) || message.includes(`at position ${text.length} `);
  }
}

function placeAt(text: string, offset: number): Place {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

async function parseYaml(file: ConfigurationFile): Promise<unknown> {
  const { parse, YAMLParseError } = await import('yaml');
  try {
    return parse(file.text);
  } catch (error) {
    const position = error instanceof YAMLParseError ? error.linePos?.[0] : undefined;
    const place = position && { line: position.line, column: position.col };
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '').replace(/ at line \d+.*$/, '') : '';
    throw new ShoalError('INVALID_REQUEST', `${locationOf(file, place)}: This is not valid YAML: ${why}`, {
      cause: error,
    });
  }
}
