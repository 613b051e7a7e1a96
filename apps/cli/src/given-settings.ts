import type { Configuration } from '@shoal/host/configuration';
import { type Flags, launchSettings } from '@shoal/host/launch-settings';
import type { Settings } from '@shoal/host/settings';
import { DOOR_SETTINGS, type DoorName } from '@shoal/host/settings/doors';
import { type SettingCommand, settingsOf } from '@shoal/host/settings/setting';
import { SETTINGS } from '@shoal/host/settings/table';
import { ShoalError } from '@shoal/protocol/error';
import { CliError } from './cli-error.ts';

/** Returns the settings from the parsed options of a command. Their values are not checked yet. */
export function givenSettings(command: SettingCommand, options: object): Flags {
  return settingsOf(SETTINGS, command, { ...options });
}

/** Returns the settings of a door from the parsed options of a command. Throws a usage error for a wrong value. */
export function givenDoorSettings(door: DoorName, command: SettingCommand, options: object): Configuration['doors'] {
  return checkedFlags({ doors: { [door]: settingsOf(DOOR_SETTINGS[door], command, { ...options }) } }).doors ?? {};
}

/** Returns the settings from the flags and the environment. Throws a usage error for a wrong value. */
export function checkedFlags(flags: Flags): Settings {
  try {
    return launchSettings(flags, process.env);
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}
