import type { Flags } from '@shoal/host/launch-settings';
import { serve as runDaemon } from '@shoal/node';
import { checkedFlags } from '../../checked-flags.ts';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';

/** `shoal serve`: the node in the foreground, until Ctrl-C or `shoal stop`. */
export async function serve(context: Context, flags: Flags): Promise<number> {
  await runDaemon({ home: context.home, launch: checkedFlags(flags) });
  return EXIT.ok;
}
