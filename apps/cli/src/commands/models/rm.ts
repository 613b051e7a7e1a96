import { type LocalModel, openModelStore } from '@shoal/host/models';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { findStoredModel } from '../../models/local.ts';
import { print } from '../../terminal/output.ts';
import { size } from '../../terminal/transfer-progress.ts';

/** `shoal rm`: removes names of the store, and the files that no other name uses. An unknown name removes nothing. */
export async function remove(context: Context, texts: readonly string[]): Promise<number> {
  const names = new Set<string>();
  for (const text of texts) names.add((await findStoredModel(context, text, advice)).name);
  const store = await openModelStore(context.home);
  const removed: { readonly name: string; readonly freed_bytes: number }[] = [];
  for (const name of names) removed.push({ name, freed_bytes: (await store.remove(name)).freedBytes });
  const lines = removed.map(({ name, freed_bytes: freed }) => {
    return `Removed ${name}: ${freed === 0 ? 'another name still uses its file' : `${size(freed)} freed`}`;
  });
  print(context, { removed }, lines);
  return EXIT.ok;
}

function advice({ owner }: LocalModel): string {
  return owner === 'demo' ? 'it cannot be removed.' : 'remove it there.';
}
