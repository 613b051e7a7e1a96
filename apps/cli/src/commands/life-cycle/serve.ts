import { serve as runDaemon } from '@shoal/node';
import { checkedFlags, givenSettings } from '../../given-settings.ts';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { ServeTerminal } from '../../serve/serve-terminal.ts';

/** `shoal serve`: runs the node in the foreground until Ctrl-C or `shoal stop`. */
export async function serve(context: Context, options: { showPrompts?: boolean | undefined }): Promise<number> {
  const launch = checkedFlags(givenSettings('serve', options));
  const { stderr } = process;
  const showsPrompts = options.showPrompts ?? false;
  const terminal = stderr.isTTY ? new ServeTerminal({ stream: stderr, showsPrompts }) : undefined;
  await runDaemon({ home: context.home, launch, terminal });
  return EXIT.ok;
}
