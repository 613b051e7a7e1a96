import { launchSettings, type Flags } from '@shoal/host/launch-settings';
import type { Settings } from '@shoal/host/settings';
import { ShoalError } from '@shoal/protocol';
import { CliError } from './cli-error.ts';

/** What flags and environment say. A wrong one is wrong usage. */
export function checkedFlags(flags: Flags): Settings {
  try {
    return launchSettings(flags, process.env);
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}
