import { statfs } from 'node:fs/promises';
import { ShoalError } from '@shoal/protocol/error';

/** Default disk space of all pushed models together. */
export const STORAGE_QUOTA_BYTES = 32 * 1024 ** 3;
/** Space that stays free on the disk, independent of the quota. */
const SPARE_BYTES = 64 * 1024 ** 2;

/** Disk space of one model, from the start of its upload until it is removed. */
export interface Reservation {
  /** Call after more bytes are on the disk. */
  wrote(bytes: number): void;
  /** Releases the space. Further calls do nothing. */
  release(): void;
}

/** The disk space for the models of all connections. */
export class StorageQuota {
  readonly #folder: string;
  readonly #quotaBytes: number;
  #reserved = 0;
  #written = 0;

  constructor(folder: string, quotaBytes: number) {
    this.#folder = folder;
    this.#quotaBytes = quotaBytes;
  }

  /** Reserves space for a model. Throws `STORAGE_FULL` if it does not fit beside the other reservations. */
  async reserve(bytes: number): Promise<Reservation> {
    // Before `statfs`, so that two concurrent calls count each other.
    this.#reserved += bytes;
    const reservation = this.#reservation(bytes);
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      const unwritten = this.#reserved - this.#written;
      if (this.#reserved > this.#quotaBytes || unwritten + SPARE_BYTES > bavail * bsize) {
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
    let isReserved = true;
    return {
      wrote: (more) => {
        written += more;
        this.#written += more;
      },
      release: () => {
        if (!isReserved) return;
        isReserved = false;
        this.#reserved -= bytes;
        this.#written -= written;
      },
    };
  }
}
