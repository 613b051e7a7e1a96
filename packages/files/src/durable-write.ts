import { randomInt } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toWriteError } from './disk-space.ts';

/** Only the owner can read the files that a node writes. */
export const FILE_MODE = 0o600;
/** Only the owner can list and enter the folders that a node creates. */
export const FOLDER_MODE = 0o700;

const RANDOM_RANGE = 2 ** 47;

/**
 * Replaces a file in one step: a reader finds the old text or the new text, even after a crash. Throws `STORAGE_FULL` if the
 * disk is full, and the other errors of `toWriteError`.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  const staged = await stageFile(path, text);
  await staged.commit();
}

/** A new text of a file, which is on the disk already. Exactly one of the two is called. */
export interface StagedFile {
  /** Replaces the file in one step. Throws as `writeDurably`, and then the old text stays. */
  commit(): Promise<void>;
  /** Removes the new text. */
  discard(): Promise<void>;
}

/**
 * Writes the new text of a file beside it, for an action that must not be taken if it cannot be recorded: stage, act, commit.
 * `mode`: the permissions of the file. Throws as `writeDurably`.
 */
export async function stageFile(path: string, text: string, mode = FILE_MODE): Promise<StagedFile> {
  // Random, because the folder may hold leftovers of an earlier process with this id, or be shared with other machines.
  const temporary = `${path}.${process.pid}.${randomInt(RANDOM_RANGE)}.tmp`;
  const discard = (): Promise<void> => rm(temporary, { force: true });
  const orDiscard = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      await discard();
      throw toWriteError(error, path);
    }
  };
  await orDiscard(writeSynced(temporary, text, mode));
  return { commit: () => orDiscard(renameDurably(temporary, path)), discard };
}

async function writeSynced(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    if (mode !== FILE_MODE) await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** As `writeDurably`, with the value as indented JSON. */
export function writeJson(path: string, value: unknown): Promise<void> {
  return writeDurably(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** Renames a file, and syncs its new folder, without which the new name can be lost in a crash. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Syncs a folder's list of names to the disk. Does nothing on Windows, which cannot sync a folder. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
