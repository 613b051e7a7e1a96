import { rm } from 'node:fs/promises';
import type { Reservation } from './storage-quota.ts';

/** A model's file and the disk space reserved for it. It has one user at first, and is removed when the last one leaves. */
export class ModelFile {
  readonly path: string;
  /** The space of the file. Undefined until it is reserved. */
  reservation: Reservation | undefined;
  readonly #leaveListeners: (() => void)[] = [];
  #users = 1;

  /** The file need not exist yet. */
  constructor(path: string) {
    this.path = path;
  }

  get users(): number {
    return this.#users;
  }

  join(): void {
    this.#users += 1;
  }

  /** Adds a listener, called once when the last user leaves. */
  onUnused(listener: () => void): void {
    this.#leaveListeners.push(listener);
  }

  /** Call once for each user. Rejects if the file cannot be removed; it then keeps its reservation. */
  async leave(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    for (const listener of this.#leaveListeners.splice(0)) listener();
    await rm(this.path, { force: true });
    this.reservation?.release();
  }
}

/** The complete model files of all connections, by digest. */
export class SharedFiles {
  readonly #files = new Map<string, ModelFile>();

  /**
   * Returns the file with this content: the one that is there already, with one more user, or else the given one, which is
   * shared from now on.
   */
  share(digest: string, own: ModelFile): ModelFile {
    const shared = this.#files.get(digest);
    if (shared !== undefined) {
      shared.join();
      return shared;
    }
    this.#files.set(digest, own);
    own.onUnused(() => this.#files.delete(digest));
    return own;
  }
}
