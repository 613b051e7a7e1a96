import { openModelStore } from '@shoal/host/models';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { findStoredModel } from '../../models/local.ts';
import { print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

/** `shoal rm`: removes a name of the store, and the files that no other name uses. */
export async function remove(context: Context, text: string): Promise<number> {
  const { name } = await findStoredModel(context, text, () => 'remove it there.');
  const store = await openModelStore(context.home);
  const { freedBytes } = await store.remove(name);
  const freed = freedBytes === 0 ? 'another name still uses its file' : `${size(freedBytes)} freed`;
  print(context, { name, freed_bytes: freedBytes }, [`Removed ${name}: ${freed}`]);
  return EXIT.ok;
}
