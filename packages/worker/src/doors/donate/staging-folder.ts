import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { FOLDER_MODE } from '@shoal/files/durable-write';
import { errorCode } from '@shoal/files/error-code';
import { isProcessAlive } from '@shoal/files/process';
import { ShoalError } from '@shoal/protocol/error';

/** The folder of a process: its id and a random part. Only such folders are removed. */
const OWN_FOLDER = /^(\d{1,10})-[0-9a-f]{16}$/;

const IN_USE_OR_GONE: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT']);

/** Names of this process's folders: it may have several doors. */
const openFolders = new Set<string>();

/** The folder of one door for pushed models, while it is open. */
export interface StagingFolder {
  readonly path: string;
  /** Returns the path of a new file. It contains nothing that a peer chose. */
  newFile(): string;
  /** Removes the folder with its content. */
  close(): Promise<void>;
}

/**
 * Creates a folder in `folder`, and removes the folders that killed processes left there. Default: a folder of this user in the
 * system's temporary folder. Throws `INVALID_REQUEST` if `folder` belongs to another user.
 */
export async function openStagingFolder(folder?: string): Promise<StagingFolder> {
  const base = folder ?? defaultBase();
  await mkdir(base, { recursive: true, mode: FOLDER_MODE });
  await checkOwner(base);
  await removeLeftovers(base);
  const name = `${process.pid}-${randomBytes(8).toString('hex')}`;
  const path = join(base, name);
  openFolders.add(name);
  // Another process may have removed the base when it closed.
  await mkdir(path, { recursive: true, mode: FOLDER_MODE });
  let files = 0;
  return {
    path,
    newFile: () => join(path, `${(files += 1)}.gguf`),
    async close() {
      await rm(path, { recursive: true, force: true });
      openFolders.delete(name);
      if (folder === undefined) await removeIfEmpty(base);
    },
  };
}

function defaultBase(): string {
  return join(tmpdir(), `shoal-donate-${userInfo().uid}`);
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!IN_USE_OR_GONE.has(errorCode(error))) throw error;
  }
}

/** In a folder that all users can write to, another user may have created a folder or link with this name. */
async function checkOwner(base: string): Promise<void> {
  const entry = await lstat(base);
  const { uid } = userInfo();
  if (!entry.isDirectory() || (uid !== -1 && entry.uid !== uid)) {
    throw ShoalError.invalidRequest(`${base} is not a folder of this user. Choose another folder for pushed models.`);
  }
}

async function removeLeftovers(base: string): Promise<void> {
  for (const name of await readdir(base)) {
    const owner = OWN_FOLDER.exec(name)?.[1];
    if (owner === undefined || openFolders.has(name) || isOfAnotherLivingProcess(Number(owner))) continue;
    await rm(join(base, name), { recursive: true, force: true });
  }
}

function isOfAnotherLivingProcess(pid: number): boolean {
  return pid !== process.pid && isProcessAlive(pid);
}
