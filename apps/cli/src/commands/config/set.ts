import { fileSettings } from '@shoal/host/configuration';
import { readApiAccess } from '@shoal/host/home/api-file';
import type { Home } from '@shoal/host/home';
import { type Edit, editConfiguration } from '@shoal/host/settings/edit';
import { checkName, keysOf, parseValue } from '@shoal/host/settings/values';
import { type SettingTable } from '@shoal/host/settings/setting';
import { SETTINGS } from '@shoal/host/settings/table';
import { ShoalError } from '@shoal/protocol/error';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';
import { valueText } from './value-text.ts';

/** `shoal config set`: writes nothing if the value is not one that the setting accepts. */
export async function setSetting(context: Context, name: string, texts: readonly string[]): Promise<number> {
  checkName(name);
  const value = parseValue(name, texts, await presentSettings(context.home));
  const path = await editConfiguration(context.home, [{ keys: keysOf(name), value }]);
  const table: SettingTable = SETTINGS;
  const shown = table[name]?.secret ? '(secret)' : value;
  print(context, { name, value: shown, path }, [`${name} = ${valueText(shown)} in ${path}`]);
  await reportRunning(context.home);
  return EXIT.ok;
}

export async function unsetSetting(context: Context, name: string): Promise<number> {
  const edit: Edit = { keys: keysOf(name), value: undefined };
  const path = await editConfiguration(context.home, [edit]);
  print(context, { name, path }, [`${name} is not set in ${path}`]);
  await reportRunning(context.home);
  return EXIT.ok;
}

/** Empty for a file with an error, which the change may correct. */
async function presentSettings(home: Home): ReturnType<typeof fileSettings> {
  try {
    return await fileSettings(home);
  } catch (error) {
    if (error instanceof ShoalError) return {};
    throw error;
  }
}

/** Says on stderr that a running node still has its settings. */
export async function reportRunning(home: Home): Promise<void> {
  const running = await readApiAccess(home);
  if (running !== undefined) process.stderr.write(`The running node uses it after "shoal restart".\n`);
}
