import { dirname } from 'node:path';
import { readSecret } from '@shoal/files/read';
import type { Home } from '../home/home.ts';
import { findConfiguration, hasSecret, settingsOfFile } from './file/configuration-file.ts';
import { mergeSettings, resolvePaths } from './launch-settings.ts';
import { defaultsOf, type Values } from './setting.ts';
import type { Settings } from './settings.ts';
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

/**
 * The settings of the configuration file, with absolute paths. Empty without a file. Throws `UNAUTHORIZED` if the file has a
 * secret and other users can read it.
 */
export async function fileSettings(home: Home): Promise<Settings> {
  const file = await findConfiguration(home);
  if (file === undefined) return {};
  const settings = await settingsOfFile(file);
  if (hasSecret(settings)) await readSecret(file.path);
  return resolvePaths(settings, dirname(file.path));
}
