import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isObject } from '@shoal/protocol/json';
import type { ShoalError } from '@shoal/protocol/error';
import { checkDiskSpace, toWriteError } from '@shoal/files/disk-space';
import { FILE_MODE, FOLDER_MODE, writeDurably } from '@shoal/files/durable-write';
import { isMissing } from '@shoal/files/error-code';
import type { IncomingPaths } from '../store/layout.ts';
import { add, contiguous, type Range, type Ranges, totalOf } from './ranges.ts';

/** Bytes between two syncs. A kill loses at most these. */
const SYNC_BYTES = 128 * 1024 * 1024;
/** Longest time between two syncs, for slow connections. */
const SYNC_INTERVAL_MS = 3_000;
/** Ranges in a state file. More than the connections can leave means that the file is not valid. */
const MAX_RANGES = 64;

/** Identifies the content of a download. A partial file is only resumed with the same content. */
export interface DownloadOrigin {
  readonly link: string;
  readonly totalBytes?: number | undefined;
  /** The server's strong `ETag` of this content. */
  readonly etag?: string | undefined;
}

/** The content of a state file, JSON. Stores keep these files across updates, so the keys never change. */
interface State {
  readonly link: string;
  readonly totalBytes?: number | undefined;
  /** The ETag. */
  readonly mark?: string | undefined;
  /** Ranges that are synced to the disk. */
  readonly synced: readonly Range[];
}

/** A file that is being downloaded, with a state file that records which ranges are synced to the disk. */
export class PartialFile {
  readonly #paths: IncomingPaths;
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

  private constructor(paths: IncomingPaths, file: FileHandle, { synced, mark, ...origin }: State, syncBytes: number) {
    this.#syncBytes = syncBytes;
    this.#paths = paths;
    this.#file = file;
    this.#origin = { ...origin, etag: mark };
    this.#written = synced;
  }

  /** Opens a partial file with its valid state, else an empty one. */
  static async open(paths: IncomingPaths, link: string, syncBytes = SYNC_BYTES): Promise<PartialFile> {
    const state = await readState(paths.statePath);
    try {
      const file = await open(paths.path, state === undefined ? 'w+' : 'r+', FILE_MODE);
      const { size } = await file.stat();
      const isValid = state?.synced.every(({ end }) => end <= size) ?? false;
      return new PartialFile(paths, file, state !== undefined && isValid ? state : { link, synced: [] }, syncBytes);
    } catch (error) {
      if (!isMissing(error)) throw toWriteError(error, paths.path);
      // A state without its file: an earlier pull was killed between removing the two. Or a refused pull removed the folder.
      await rm(paths.statePath, { force: true });
      await mkdir(dirname(paths.path), { recursive: true, mode: FOLDER_MODE });
      return PartialFile.open(paths, link, syncBytes);
    }
  }

  get origin(): DownloadOrigin {
    return this.#origin;
  }

  get written(): Ranges {
    return this.#written;
  }

  /** Bytes from position 0 up to the first gap. */
  get contiguousBytes(): number {
    return contiguous(this.#written);
  }

  get path(): string {
    return this.#paths.path;
  }

  /** Sets the content. Discards the earlier bytes unless `resumes`. Throws `STORAGE_FULL` if the rest does not fit. */
  async begin(origin: DownloadOrigin, resumes: boolean): Promise<void> {
    if (!resumes) await this.restart();
    this.#origin = origin;
    await this.#checkDiskSpace();
  }

  /** Discards all bytes. */
  async restart(): Promise<void> {
    await this.#syncing;
    await rm(this.#paths.statePath, { force: true });
    await this.#file.truncate(0);
    this.#written = [];
  }

  async write(pieces: readonly Buffer[], position: number): Promise<void> {
    const length = pieces.reduce((total, piece) => total + piece.length, 0);
    try {
      for (let rest = [...pieces], at = position; rest.length > 0;) {
        const { bytesWritten } = await this.#file.writev(rest, at);
        at += bytesWritten;
        rest = dropBytes(rest, bytesWritten);
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

  /** Syncs all written bytes to the disk, then the state that records them. */
  async sync(): Promise<void> {
    await this.#syncing;
    if (this.#isDiscarded) return;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#sync();
  }

  /** True if a write failed on the full disk, not only the check before it. The file must then be removed to free space. */
  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Removes the file and its state. */
  async discard(): Promise<void> {
    this.#isDiscarded = true;
    await rm(this.#paths.statePath, { force: true });
    await rm(this.#paths.path, { force: true });
  }

  async #sync(): Promise<void> {
    const synced = this.#written;
    this.#unsyncedBytes = 0;
    try {
      await this.#file.datasync();
      await writeDurably(this.#paths.statePath, JSON.stringify(stateOf(this.#origin, synced)));
      await this.#checkDiskSpace();
    } catch (error) {
      throw this.#toWriteError(error);
    } finally {
      this.#syncedAt = performance.now();
      this.#syncing = undefined;
    }
  }

  async #checkDiskSpace(): Promise<void> {
    const remaining = Math.max(0, (this.#origin.totalBytes ?? 0) - totalOf(this.#written));
    await checkDiskSpace(dirname(this.#paths.path), remaining);
  }

  #toWriteError(error: unknown): ShoalError {
    const writeError = toWriteError(error, this.#paths.path);
    if (writeError !== error && writeError.code === 'STORAGE_FULL') this.#isDiskFull = true;
    return writeError;
  }
}

function dropBytes(pieces: readonly Buffer[], bytes: number): Buffer[] {
  let left = bytes;
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.min(left, piece.length));
    left -= piece.length - rest.length;
    return rest.length === 0 ? [] : [rest];
  });
}

function stateOf({ etag, ...origin }: DownloadOrigin, synced: Ranges): State {
  return { ...origin, mark: etag, synced };
}

/** Returns undefined if there is no valid state. The download then starts from the beginning. */
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
