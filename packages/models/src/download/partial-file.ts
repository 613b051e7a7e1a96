import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isObject, type ShoalError } from '@shoal/protocol';
import { checkDiskSpace, toWriteError } from '@shoal/files/disk-space';
import { FILE_MODE, writeDurably } from '@shoal/files/durable-write';
import { isMissing } from '@shoal/files/error-code';
import type { IncomingPaths } from '../store/layout.ts';
import { add, contiguous, type Range, type Ranges, totalOf } from './ranges.ts';

/** Written and not yet synced; a kill loses at most these. */
const SYNC_BYTES = 128 * 1024 * 1024;
/** The same in time, for slow connections. */
const SYNC_INTERVAL_MS = 3_000;
/** Gaps between what is there; more than connections leave is no state of ours. */
const MAX_RANGES = 64;

/** What a download is of: a partial file goes on only with the same. */
export interface DownloadOrigin {
  readonly link: string;
  readonly totalBytes?: number | undefined;
  /** The server's own mark of this content (`ETag`). */
  readonly mark?: string | undefined;
}

interface State extends DownloadOrigin {
  /** What is on the disk for sure. */
  readonly synced: readonly Range[];
}

/** A file that is being downloaded, and the record of what of it is on the disk. */
export class PartialFile {
  readonly #place: IncomingPaths;
  readonly #file: FileHandle;
  #origin: DownloadOrigin;
  #written: Ranges;
  #unsyncedBytes = 0;
  #syncedAt = performance.now();
  #syncing: Promise<void> | undefined;
  #failure: unknown;
  #isDiskFull = false;
  #isDiscarded = false;
  readonly #syncBytes: number;

  private constructor(place: IncomingPaths, file: FileHandle, { synced, ...origin }: State, syncBytes: number) {
    this.#syncBytes = syncBytes;
    this.#place = place;
    this.#file = file;
    this.#origin = origin;
    this.#written = synced;
  }

  /** Goes on with what is there, or begins. */
  static async open(place: IncomingPaths, link: string, syncBytes = SYNC_BYTES): Promise<PartialFile> {
    const state = await readState(place.statePath);
    try {
      const file = await open(place.path, state === undefined ? 'w+' : 'r+', FILE_MODE);
      const { size } = await file.stat();
      const isWhole = state?.synced.every(({ end }) => end <= size) ?? false;
      return new PartialFile(place, file, state !== undefined && isWhole ? state : { link, synced: [] }, syncBytes);
    } catch (error) {
      if (!isMissing(error)) throw toWriteError(error, place.path);
      // A state without its file: the last pull was ended between removing the two.
      await rm(place.statePath, { force: true });
      return PartialFile.open(place, link, syncBytes);
    }
  }

  get origin(): DownloadOrigin {
    return this.#origin;
  }

  get written(): Ranges {
    return this.#written;
  }

  /** How much is there from the beginning without a gap. */
  get contiguousBytes(): number {
    return contiguous(this.#written);
  }

  get path(): string {
    return this.#place.path;
  }

  /** Says what is downloaded. What is there of anything else is thrown away. Throws `STORAGE_FULL` if it cannot fit. */
  async begin(origin: DownloadOrigin, goesOn: boolean): Promise<void> {
    if (!goesOn) await this.restart();
    this.#origin = origin;
    await this.#checkDiskSpace();
  }

  async restart(): Promise<void> {
    await this.#syncing;
    await rm(this.#place.statePath, { force: true });
    await this.#file.truncate(0);
    this.#written = [];
  }

  async write(pieces: readonly Buffer[], position: number): Promise<void> {
    const length = pieces.reduce((total, piece) => total + piece.length, 0);
    try {
      for (let rest = [...pieces], at = position; rest.length > 0;) {
        const { bytesWritten } = await this.#file.writev(rest, at);
        at += bytesWritten;
        rest = after(rest, bytesWritten);
      }
    } catch (error) {
      throw this.#toWriteError(error);
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#written = add(this.#written, { start: position, end: position + length });
    this.#unsyncedBytes += length;
    const isDue = this.#unsyncedBytes >= this.#syncBytes || performance.now() - this.#syncedAt >= SYNC_INTERVAL_MS;
    if (isDue && this.#syncing === undefined) {
      this.#syncing = this.#sync().catch((error: unknown) => {
        this.#failure = error;
      });
    }
  }

  /** Everything that was written is on the disk, and said to be. */
  async sync(): Promise<void> {
    await this.#syncing;
    if (this.#isDiscarded) return;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#sync();
  }

  /** Not only that too little was left free: a write failed. Then this file must go, for all else to be written again. */
  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Nothing of it is left. */
  async discard(): Promise<void> {
    this.#isDiscarded = true;
    await rm(this.#place.statePath, { force: true });
    await rm(this.#place.path, { force: true });
  }

  async #sync(): Promise<void> {
    const synced = this.#written;
    this.#unsyncedBytes = 0;
    try {
      await this.#file.datasync();
      await writeDurably(this.#place.statePath, JSON.stringify({ ...this.#origin, synced } satisfies State));
      await this.#checkDiskSpace();
    } catch (error) {
      throw this.#toWriteError(error);
    } finally {
      this.#syncedAt = performance.now();
      this.#syncing = undefined;
    }
  }

  async #checkDiskSpace(): Promise<void> {
    const lacking = Math.max(0, (this.#origin.totalBytes ?? 0) - totalOf(this.#written));
    await checkDiskSpace(dirname(this.#place.path), lacking);
  }

  #toWriteError(error: unknown): ShoalError {
    const refused = toWriteError(error, this.#place.path);
    if (refused !== error && refused.code === 'STORAGE_FULL') this.#isDiskFull = true;
    return refused;
  }
}

function after(pieces: readonly Buffer[], bytes: number): Buffer[] {
  let left = bytes;
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.min(left, piece.length));
    left -= piece.length - rest.length;
    return rest.length === 0 ? [] : [rest];
  });
}

/** Undefined where there is none, or none that can be used: then the download begins anew. */
async function readState(path: string): Promise<State | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isState(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return undefined;
    throw error;
  }
}

function isState(value: unknown): value is State {
  if (!isObject(value)) return false;
  const { link, totalBytes, mark, synced } = value;
  return (
    typeof link === 'string' &&
    (totalBytes === undefined || isCount(totalBytes)) &&
    (mark === undefined || typeof mark === 'string') &&
    Array.isArray(synced) &&
    synced.length <= MAX_RANGES &&
    synced.every(isRange)
  );
}

function isRange(value: unknown): value is Range {
  if (!isObject(value)) return false;
  const { start, end } = value;
  return isCount(start) && isCount(end) && start < end;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
