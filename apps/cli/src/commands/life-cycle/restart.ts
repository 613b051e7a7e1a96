import { readLaunch } from '@shoal/host/launch';
import { checkedFlags, givenSettings } from '../../given-settings.ts';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';
import { startDetached, startedLines } from './start.ts';
import { stopNode } from './stop.ts';

/** `shoal restart`: uses the settings of the last start, and the flags and variables given now. */
export async function restart(context: Context, options: object): Promise<number> {
  const launch = checkedFlags(givenSettings('restart', options));
  await stopNode(context.home);
  const view = await startDetached(context.home, { ...(await readLaunch(context.home)), ...launch });
  print(context, view, startedLines(context.home, view));
  return EXIT.ok;
}
