import { launchSettings, type Flags } from '@shoal/node/configuration';
import { serve as runDaemon } from '@shoal/node';
import { ShoalError } from '@shoal/protocol';
import type { Settings } from '@shoal/node/settings';
import { CliError, EXIT } from '../cli-error.ts';
import type { Context } from '../context.ts';

/** `shoal serve`: the node in the foreground, until Ctrl-C or `shoal stop`. */
export async function serve(context: Context, flags: Flags): Promise<number> {
  await runDaemon({ home: context.home, launch: checkedFlags(flags) });
  return EXIT.ok;
}

/** What flags and environment say. A wrong one is wrong usage. */
export function checkedFlags(flags: Flags): Settings {
  try {
    return launchSettings(flags, process.env);
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
}
