import { openModelStore } from '@shoal/host/models';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

/** `shoal models prune`: removes unfinished downloads and files without a name, except those that a pull uses. */
export async function prune(context: Context): Promise<number> {
  const { freedBytes } = await (await openModelStore(context.home)).prune();
  print(context, { freed_bytes: freedBytes }, [`${size(freedBytes)} freed`]);
  return EXIT.ok;
}
