import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { ShoalError } from '@shoal/protocol/error';
import { isMissing } from '@shoal/files/error-code';
import { type Digest, hexOf, parseDigest } from '@shoal/files/digest';
import { nameKey } from './name.ts';

const HEX = /^[0-9a-f]{64}$/;

/** Paths of one download that is not a blob yet. */
export interface IncomingPaths {
  /** The file with the received bytes. */
  readonly path: string;
  /** The file that records which ranges are synced to the disk. */
  readonly statePath: string;
}

/**
 * The paths of a store. Outside input appears in them only as a hexadecimal SHA-256, of content or of a name. So no name can
 * lead out of the folder, collide on a file system that ignores case, or be a device name.
 */
export class Layout {
  readonly root: string;
  readonly blobs: string;
  readonly names: string;
  readonly parts: string;
  readonly locks: string;

  constructor(root: string) {
    this.root = resolve(root);
    this.blobs = join(this.root, 'blobs');
    this.names = join(this.root, 'names');
    this.parts = join(this.root, 'parts');
    this.locks = join(this.root, 'locks');
  }

  get folders(): readonly string[] {
    return [this.root, this.blobs, this.names, this.parts, this.locks];
  }

  blob(digest: Digest): string {
    return this.#within(this.blobs, `sha256-${hexOf(parseDigest(digest))}`);
  }

  /** In the blobs' folder, so that one rename turns a download into a blob. */
  incoming(key: string): IncomingPaths {
    return {
      path: this.#within(this.blobs, `${hexadecimal(key)}.partial`),
      statePath: this.#within(this.blobs, `${hexadecimal(key)}.json`),
    };
  }

  name(name: string): string {
    return this.#within(this.names, `${createHash('sha256').update(nameKey(name)).digest('hex')}.json`);
  }

  /** The folder of a model in parts, with links under the file names that llama.cpp expects. */
  partsOf(digest: Digest): string {
    return this.#within(this.parts, hexOf(parseDigest(digest)));
  }

  /** The lock of one download, or of all names for the key `names`. */
  lock(key: string): string {
    return this.#within(this.locks, key === 'names' ? key : hexadecimal(key));
  }

  #within(folder: string, file: string): string {
    const path = resolve(folder, file);
    if (path !== join(folder, file) || !path.startsWith(`${this.root}${sep}`)) {
      throw new ShoalError('INTERNAL', 'A path leads out of the folder of models.', { cause: path });
    }
    return path;
  }
}

/** Returns the names in a folder of a store. None if the folder is missing, because a refused pull has removed an empty store. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function hexadecimal(key: string): string {
  if (!HEX.test(key)) throw new ShoalError('INTERNAL', 'The key of a download is not a SHA-256.', { cause: key });
  return key;
}
