import { openModelStore } from '@shoal/node/model-files';
import { EXIT } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { print } from '../output.ts';
import { size } from '../transfer-progress.ts';

/** `shoal models prune`: what no name refers to and no pull is at work on. */
export async function prune(context: Context): Promise<number> {
  const { freedBytes } = await (await openModelStore(context.home)).prune();
  print(context, { freed_bytes: freedBytes }, [`${size(freedBytes)} freed`]);
  return EXIT.ok;
}
