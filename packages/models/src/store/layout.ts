import { createHash } from 'node:crypto';
import { join, resolve, sep } from 'node:path';
import { ShoalError } from '@shoal/protocol';
import { type Digest, hexOf, parseDigest } from '@shoal/files/digest';
import { nameKey } from './name.ts';

const HEX = /^[0-9a-f]{64}$/;

/** Where one download is written before it is a blob. */
export interface IncomingPaths {
  /** The bytes. */
  readonly path: string;
  /** Which of them are on the disk for sure. */
  readonly statePath: string;
}

/**
 * The paths of a store. Whatever comes from outside is in them only as a SHA-256 in hexadecimal, of content or of a name, so
 * that no name leads out of the folder, clashes with another on a file system that ignores case, or means a device.
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

  /** Beside the blobs, so that one rename makes it one. */
  incoming(key: string): IncomingPaths {
    return {
      path: this.#within(this.blobs, `${hexadecimal(key)}.partial`),
      statePath: this.#within(this.blobs, `${hexadecimal(key)}.json`),
    };
  }

  name(name: string): string {
    return this.#within(this.names, `${createHash('sha256').update(nameKey(name)).digest('hex')}.json`);
  }

  /** The folder in which a model of several files has them under the names that llama.cpp looks for. */
  partsOf(digest: Digest): string {
    return this.#within(this.parts, hexOf(parseDigest(digest)));
  }

  /** Of one download, or of all names. */
  lock(of: string): string {
    return this.#within(this.locks, of === 'names' ? of : hexadecimal(of));
  }

  #within(folder: string, file: string): string {
    const path = resolve(folder, file);
    if (path !== join(folder, file) || !path.startsWith(`${this.root}${sep}`)) {
      throw new ShoalError('INTERNAL', 'A path led out of the folder of models.', { cause: path });
    }
    return path;
  }
}

function hexadecimal(key: string): string {
  if (!HEX.test(key)) throw new ShoalError('INTERNAL', 'A download has a key that is no SHA-256.', { cause: key });
  return key;
}
