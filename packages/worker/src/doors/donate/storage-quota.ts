import { statfs } from 'node:fs/promises';
import { ShoalError } from '@shoal/protocol';

/** What pushed models may take of the disk together, unless it is set otherwise. */
export const STORAGE_QUOTA_BYTES = 32 * 1024 ** 3;
/** What stays free on the disk, whatever the quota says. */
const SPARE_BYTES = 64 * 1024 ** 2;

/** A model's share of the disk, from its beginning until it is gone. */
export interface Reservation {
  /** So many bytes of it are on the disk now. */
  wrote(bytes: number): void;
  /** Gives it back; further calls do nothing. */
  release(): void;
}

/** The disk space that models of all connections share. */
export class StorageQuota {
  readonly #folder: string;
  readonly #quotaBytes: number;
  #reserved = 0;
  #written = 0;

  constructor(folder: string, quotaBytes: number) {
    this.#folder = folder;
    this.#quotaBytes = quotaBytes;
  }

  /** Throws `STORAGE_FULL` where a model of this length does not fit beside what is promised to others. */
  async reserve(bytes: number): Promise<Reservation> {
    // Before the disk is looked at, so that two that come at once see each other.
    this.#reserved += bytes;
    const reservation = this.#reservation(bytes);
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      const promised = this.#reserved - this.#written;
      if (this.#reserved > this.#quotaBytes || promised + SPARE_BYTES > bavail * bsize) {
        throw new ShoalError('STORAGE_FULL', 'There is no room for this model.');
      }
      return reservation;
    } catch (thrown) {
      reservation.release();
      throw thrown;
    }
  }

  #reservation(bytes: number): Reservation {
    let written = 0;
    let isHeld = true;
    return {
      wrote: (more) => {
        written += more;
        this.#written += more;
      },
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#reserved -= bytes;
        this.#written -= written;
      },
    };
  }
}
