import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { FOLDER_MODE } from '@shoal/files/durable-write';
import { errorCode } from '@shoal/files/error-code';
import { isProcessAlive } from '@shoal/files/process';
import { ShoalError } from '@shoal/protocol';

/** A process's own folder: its id and a random part. Nothing else here is ever removed. */
const OWN_FOLDER = /^(\d{1,10})-[0-9a-f]{16}$/;

const IN_USE_OR_GONE: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOENT']);

/** Those of this process: another door of it may be open. */
const openFolders = new Set<string>();

/** Where one door keeps pushed models, for as long as it is open. */
export interface StagingFolder {
  readonly path: string;
  /** A path for a new file; no peer has a say in it. */
  newFile(): string;
  /** Removes the folder with all that is in it. */
  close(): Promise<void>;
}

/**
 * A new folder beneath the one that is named, by default one of this user in the system's temporary folder. What processes that were
 * killed left there is removed. Throws `INVALID_REQUEST` where the base is another user's.
 */
export async function openStagingFolder(folder?: string): Promise<StagingFolder> {
  const base = folder ?? defaultBase();
  await mkdir(base, { recursive: true, mode: FOLDER_MODE });
  await checkOwner(base);
  await removeLeftovers(base);
  const name = `${process.pid}-${randomBytes(8).toString('hex')}`;
  const path = join(base, name);
  openFolders.add(name);
  // Another process that closes may have removed the base meanwhile.
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

/** In a folder that all users write to, another may have put its own under our name, or a link. */
async function checkOwner(base: string): Promise<void> {
  const entry = await lstat(base);
  const { uid } = userInfo();
  if (!entry.isDirectory() || (uid !== -1 && entry.uid !== uid)) {
    throw ShoalError.invalidRequest(`${base} is no folder of this user; name another one for pushed models.`);
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
