import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hexOf, modelDigest } from '@shoal/files/digest';
import { type Layout, namesIn } from './layout.ts';
import { tryLock } from './lock.ts';
import { readReferences } from './reference.ts';
import { findLeftovers } from './verify.ts';

/** A download, its state, and a temporary file of a state. */
const INCOMING = /^([0-9a-f]{64})\.(?:partial|json)(?:\.\d+\.\d+\.tmp)?$/;
const TEMPORARY = /\.tmp$/;

/** Removes files without a name that no pull uses. The caller must hold the lock of all names. */
export async function pruneStore(layout: Layout): Promise<{ readonly freedBytes: number }> {
  const { references } = await readReferences(layout);
  const used = new Set(references.flatMap(({ files }) => files.map(({ digest }) => digest)));
  const models = new Set(references.map(({ files }) => hexOf(modelDigest(files.map(({ digest }) => digest)))));
  let freedBytes = 0;
  const remove = async (path: string): Promise<void> => {
    freedBytes += (await stat(path)).size;
    await rm(path, { recursive: true });
  };
  for (const orphan of (await findLeftovers(layout, used)).orphans) {
    await unlessLocked(layout, hexOf(orphan), () => remove(layout.blob(orphan)));
  }
  for (const file of await namesIn(layout.blobs)) {
    const key = INCOMING.exec(file)?.[1];
    if (key !== undefined) await unlessLocked(layout, key, () => remove(join(layout.blobs, file)));
  }
  for (const file of await namesIn(layout.names)) {
    if (TEMPORARY.test(file)) await remove(join(layout.names, file));
  }
  for (const folder of await namesIn(layout.parts)) {
    // Links take no space. Their blobs were counted above.
    if (!models.has(folder)) await rm(join(layout.parts, folder), { recursive: true });
  }
  return { freedBytes };
}

async function unlessLocked(layout: Layout, key: string, remove: () => Promise<void>): Promise<void> {
  const lock = tryLock(layout.lock(key));
  try {
    if (lock !== undefined) await remove();
  } finally {
    lock?.release();
  }
}
