import { opendir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, isMissing } from '@shoal/files/error-code';

/** Folders and files of one scan. If there are more, the rest is skipped. */
const MAX_ENTRIES = 50_000;
/** Levels of folders. Deeper ones are skipped. */
const MAX_DEPTH = 10;
/** Longest manifest. Usual ones have a few KiB. */
const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** A path that could not be read, or not completely. */
export interface SkippedPath {
  readonly path: string;
  /** The reason, as text for users. */
  readonly why: string;
}

export interface ScannedFile {
  readonly path: string;
  readonly bytes: number;
}

/** Scans folders of other programs, within limits. Records the paths that it skips. */
export class FolderScan {
  readonly skipped: SkippedPath[] = [];
  #entries = 0;

  /**
   * Yields the files below a folder, including links to files. Does not follow links to folders. Yields nothing if the
   * folder does not exist.
   */
  async *files(folder: string, depth = 0): AsyncGenerator<string, undefined> {
    const folders: string[] = [];
    try {
      for await (const entry of await opendir(folder)) {
        if (++this.#entries > MAX_ENTRIES) {
          if (this.#entries === MAX_ENTRIES + 1) this.skip(folder, `more than ${MAX_ENTRIES} files and folders`);
          return;
        }
        const path = join(folder, entry.name);
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile() || entry.isSymbolicLink()) yield path;
      }
    } catch (error) {
      if (!isMissing(error)) this.skip(folder, errorCode(error));
      return;
    }
    for (const each of folders) {
      if (depth >= MAX_DEPTH) this.skip(each, `more than ${MAX_DEPTH} folders deep`);
      else yield* this.files(each, depth + 1);
    }
  }

  /** Returns undefined, and records the path as skipped, if it is not a readable file. */
  async file(path: string): Promise<ScannedFile | undefined> {
    try {
      const stats = await stat(path);
      if (stats.isFile()) return { path, bytes: stats.size };
      this.skip(path, 'not a file');
    } catch (error) {
      this.skip(path, errorCode(error));
    }
    return undefined;
  }

  /** Returns undefined, and records the path as skipped, if it is not a readable JSON file. */
  async json(path: string): Promise<unknown> {
    const file = await this.file(path);
    if (file === undefined) return undefined;
    try {
      if (file.bytes <= MAX_DOCUMENT_BYTES) return JSON.parse(await readFile(path, 'utf8'));
      this.skip(path, 'too long');
    } catch (error) {
      this.skip(path, error instanceof SyntaxError ? 'not JSON' : errorCode(error));
    }
    return undefined;
  }

  skip(path: string, why: string): void {
    this.skipped.push({ path, why });
  }
}
