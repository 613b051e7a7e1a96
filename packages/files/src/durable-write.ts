import { open, rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ShoalError } from '@shoal/protocol';

/** Only the owner reads what a node writes. */
export const FILE_MODE = 0o600;

/** Left free on a disk, or a twentieth of it where that is less: what else the node writes must not fail. */
const RESERVE_BYTES = 256 * 1024 * 1024;
const RESERVE_SHARE = 20;

let written = 0;

/** Replaces a file as one step. Throws `STORAGE_FULL` where the disk is full, else `INTERNAL`. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${++written}.tmp`;
  try {
    const file = await open(temporary, 'wx', FILE_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await renameDurably(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeError(error, path);
  }
}

export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** A new name lasts only once its folder is on the disk too. Windows has no call for that, and needs none. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Throws `STORAGE_FULL` where `bytes` more would leave too little free. */
export async function expectSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const reserve = Math.min(RESERVE_BYTES, (blocks * bsize) / RESERVE_SHARE);
  const lacking = bytes + reserve - bavail * bsize;
  if (lacking > 0) throw storageFull(folder, lacking);
}

/** What a failed write means: `STORAGE_FULL` says what to do. */
export function writeError(error: unknown, path: string): ShoalError {
  if (error instanceof ShoalError) return error;
  const code = errorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return storageFull(dirname(path), undefined, error);
  return new ShoalError('INTERNAL', `${path} could not be written (${code}).`, { cause: error });
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errorCode(error));
}

function storageFull(folder: string, lacking?: number, cause?: unknown): ShoalError {
  const amount = lacking === undefined ? '' : `: ${Math.ceil(lacking / 1e6)} MB more are needed`;
  return new ShoalError(
    'STORAGE_FULL',
    `The disk of ${folder} is full${amount}. Free some (remove models that you don't need), or keep models elsewhere, then try again.`,
    { cause },
  );
}
