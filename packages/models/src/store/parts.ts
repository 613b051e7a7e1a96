import { link, mkdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Digest } from '@shoal/files/digest';
import { FOLDER_MODE, syncFolder } from '@shoal/files/durable-write';
import { errorCode, isMissing } from '@shoal/files/error-code';
import type { Layout } from './layout.ts';

/** Codes for a file system without hard links, or with too many links to one file. */
const CANNOT_LINK = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EMLINK', 'ENOSYS'];

let createdFolders = 0;

/** The path of a part as llama-gguf-split names it. llama.cpp finds the others beside the first (`llama_split_path`). */
export function partPath(folder: string, index: number, count: number): string {
  const number = (value: number): string => String(value).padStart(5, '0');
  return join(folder, `model-${number(index + 1)}-of-${number(count)}.gguf`);
}

/** Creates the folder with links to the blobs of a model in parts, in one step. */
export async function linkParts(layout: Layout, model: Digest, parts: readonly Digest[]): Promise<void> {
  const folder = layout.partsOf(model);
  const temporary = `${folder}.${process.pid}.${++createdFolders}.tmp`;
  await mkdir(temporary, { mode: FOLDER_MODE });
  try {
    for (const [index, part] of parts.entries()) {
      await linkFile(layout.blob(part), partPath(temporary, index, parts.length), temporary);
    }
    await syncFolder(temporary);
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
    await syncFolder(layout.parts);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** True if every part has a link to its blob. */
export async function hasParts(layout: Layout, model: Digest, parts: readonly Digest[]): Promise<boolean> {
  const folder = layout.partsOf(model);
  for (const [index, part] of parts.entries()) {
    if (!(await isSameFile(layout.blob(part), partPath(folder, index, parts.length)))) return false;
  }
  return true;
}

async function isSameFile(left: string, right: string): Promise<boolean> {
  try {
    const [one, other] = await Promise.all([stat(left, { bigint: true }), stat(right, { bigint: true })]);
    return one.ino === other.ino && one.dev === other.dev;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function linkFile(blob: string, path: string, folder: string): Promise<void> {
  try {
    await link(blob, path);
  } catch (error) {
    if (!CANNOT_LINK.includes(errorCode(error))) throw error;
    // The folder is renamed to a sibling, for which the relative path stays the same.
    await symlink(relative(folder, blob), path);
  }
}
