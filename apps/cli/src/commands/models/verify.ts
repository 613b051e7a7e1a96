import type { ModelStore, Verification } from '@shoal/models';
import { openModelStore } from '@shoal/host/models';
import { printableName } from '@shoal/host/printable';
import { EXIT } from '../../cli-error.ts';
import type { Context } from '../../context.ts';
import { interruptible } from '../../models/interruptible.ts';
import { count, print } from '../../terminal/output.ts';
import { size, TransferProgress } from '../../terminal/transfer-progress.ts';

/** `shoal models verify`: reads every file of the store. Exits with 1 if a model cannot be used. */
export async function verify(context: Context): Promise<number> {
  const store = await openModelStore(context.home);
  const verification = await interruptible((signal) => verifyWithProgress(store, signal));
  const { sound, broken, unreadable, orphans, unfinishedBytes } = verification;
  const document = { sound, broken, unreadable, orphans, unfinished_bytes: unfinishedBytes };
  print(context, document, await lines(store, verification));
  return broken.length + unreadable.length > 0 ? EXIT.failed : EXIT.ok;
}

async function verifyWithProgress(store: ModelStore, signal: AbortSignal): Promise<Verification> {
  let progress: TransferProgress | undefined;
  try {
    return await store.verify({
      signal,
      onProgress: ({ doneBytes, totalBytes }) => {
        progress ??= new TransferProgress(totalBytes);
        progress.update(doneBytes);
      },
    });
  } finally {
    progress?.end();
  }
}

async function lines(store: ModelStore, verification: Verification): Promise<string[]> {
  const { sound, broken, unreadable, orphans, unfinishedBytes } = verification;
  const sources = new Map((await store.list()).map(({ name, source }) => [name, source]));
  const hasLeftovers = orphans.length > 0 || unfinishedBytes > 0;
  return [
    `${count(sound.length, 'model')} sound, ${broken.length + unreadable.length} broken`,
    ...broken.flatMap(({ name, why }) => [
      `${name}: ${printableName(why)}`,
      `  Remove it and pull it again: shoal rm ${name}; shoal pull "${printableName(sources.get(name) ?? name)}"`,
    ]),
    ...unreadable.map((path) => `${path} is not a valid name file: remove it`),
    ...(hasLeftovers ? [leftoverLine(orphans.length, unfinishedBytes)] : []),
  ];
}

function leftoverLine(orphans: number, unfinishedBytes: number): string {
  return (
    `Leftovers: ${count(orphans, 'file')} without a name, ${size(unfinishedBytes)} of unfinished downloads. ` +
    'A pull resumes those; "shoal models prune" removes all of it.'
  );
}
