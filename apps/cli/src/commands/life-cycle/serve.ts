import { serve as runDaemon } from '@shoal/node';
import { checkedFlags, givenSettings } from '../../given-settings.ts';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';

/** `shoal serve`: runs the node in the foreground until Ctrl-C or `shoal stop`. */
export async function serve(context: Context, options: object): Promise<number> {
  await runDaemon({ home: context.home, launch: checkedFlags(givenSettings('serve', options)) });
  return EXIT.ok;
}
