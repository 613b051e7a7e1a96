import { dirname } from 'node:path';
import { parseJson, readOptional, readSecret } from '@shoal/files/read';
import { ShoalError } from '@shoal/protocol/error';
import { homeFiles, type Home } from '../home/home.ts';
import { mergeSettings, resolvePaths } from './launch-settings.ts';
import { defaultsOf, type SettingTable, type Values } from './setting.ts';
import { parseSettings, type Settings } from './settings.ts';
import { CLUSTER_SETTINGS, SETTINGS } from './table.ts';
import { withoutUndefined } from './without-undefined.ts';

/** `--model echo` is short for `--engine echo`. */
const ECHO_MODEL = 'echo';

/** The settings of all sources together, with defaults. */
export interface Configuration extends Omit<Values<typeof SETTINGS>, 'opengateway'>, Values<typeof CLUSTER_SETTINGS> {}

/** Precedence: `launch` (flags, then environment), file, defaults. The values of some settings are joined instead. */
export async function loadConfiguration(home: Home, launch: Settings): Promise<Configuration> {
  const { opengateway = {}, ...settings } = withoutUndefined(mergeSettings(await fileSettings(home), launch));
  return {
    ...defaultsOf(SETTINGS),
    ...(home.node !== undefined && { name: home.node }),
    ...settings,
    ...(settings.model === ECHO_MODEL && { engine: 'echo' as const }),
    ...defaultsOf(CLUSTER_SETTINGS),
    ...withoutUndefined(opengateway),
  };
}

async function fileSettings(home: Home): Promise<Settings> {
  const found: { path: string; text: string }[] = [];
  for (const path of homeFiles(home).configurations) {
    const text = await readOptional(path);
    if (text !== undefined) found.push({ path, text });
  }
  const [file, another] = found;
  if (file === undefined) return {};
  if (another !== undefined) {
    throw ShoalError.invalidRequest(`There are two configurations, ${file.path} and ${another.path}. Keep one.`);
  }
  const value = file.path.endsWith('.json') ? parseJson(file.path, file.text) : await parseYaml(file.path, file.text);
  // An empty YAML file is null.
  const settings = parseSettings(value ?? {}, (key) => (key === '' ? file.path : `${file.path}: "${key}"`));
  const table: SettingTable = SETTINGS;
  if (Object.keys(settings).some((name) => table[name]?.privateFile)) await readSecret(file.path);
  return resolvePaths(settings, dirname(file.path));
}

async function parseYaml(path: string, text: string): Promise<unknown> {
  const { parse } = await import('yaml');
  try {
    return parse(text);
  } catch (error) {
    const where = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new ShoalError('INVALID_REQUEST', `${path} is not valid YAML: ${where}`, { cause: error });
  }
}
