import { loadConfiguration } from '@shoal/host/configuration';
import type { Home } from '@shoal/host/home';
import { checkSecrets, type LastRun, launchFlags, launchVariables, readLastRun } from '@shoal/host/launch';
import { printableText } from '@shoal/host/printable';
import type { Settings } from '@shoal/host/settings';

/** Returns the run of a node that was killed. Undefined if the last one was told to stop, or there was none. */
export async function crashedRun(home: Home): Promise<LastRun | undefined> {
  const run = await readLastRun(home);
  return run?.ended === false ? run : undefined;
}

/**
 * Returns the settings of the last run with those given now in front of them. Throws `INVALID_REQUEST` if the last run had a
 * secret that is missing now.
 */
export async function continued(home: Home, run: LastRun, given: Settings): Promise<Settings> {
  const launch = { ...run.settings, ...given };
  if (run.secrets.length > 0) checkSecrets(run, await loadConfiguration(home, launch));
  return launch;
}

/** Says on stderr that the node continues after a crash, and how. */
export function reportContinued({ settings }: LastRun): void {
  const variables = Object.entries(launchVariables(settings)).map(([name, value]) => `${name}=${value}`);
  const flags = [...variables, ...launchFlags(settings)].join(' ') || 'the configuration alone';
  process.stderr.write(printableText(`The last run did not end cleanly. It is continued with: ${flags}\n`));
}
