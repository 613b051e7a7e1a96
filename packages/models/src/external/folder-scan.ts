import { opendir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, isMissing } from '@shoal/files/error-code';

/** Of one place, folders and files. More are not looked at, and that is said. */
const MAX_ENTRIES = 50_000;
/** Folders within folders. */
const MAX_DEPTH = 10;
/** A manifest has a few KiB. */
const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** A place that could not be looked at, or not wholly. */
export interface SkippedPath {
  readonly path: string;
  /** For people. */
  readonly why: string;
}

export interface ScannedFile {
  readonly path: string;
  readonly bytes: number;
}

/** Looks through folders that belong to others: bounded, and what cannot be read is noted and passed over. */
export class FolderScan {
  readonly skipped: SkippedPath[] = [];
  #entries = 0;

  /**
   * The files below a folder, those behind links to files too; folders behind links are not entered. A folder that does
   * not exist has none.
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

  /** Undefined, and noted, where it is no readable file. */
  async file(path: string): Promise<ScannedFile | undefined> {
    try {
      const about = await stat(path);
      if (about.isFile()) return { path, bytes: about.size };
      this.skip(path, 'no file');
    } catch (error) {
      this.skip(path, errorCode(error));
    }
    return undefined;
  }

  /** Undefined, and noted, where it is no JSON that can be read. */
  async json(path: string): Promise<unknown> {
    const file = await this.file(path);
    if (file === undefined) return undefined;
    try {
      if (file.bytes <= MAX_DOCUMENT_BYTES) return JSON.parse(await readFile(path, 'utf8'));
      this.skip(path, 'too long');
    } catch (error) {
      this.skip(path, error instanceof SyntaxError ? 'no JSON' : errorCode(error));
    }
    return undefined;
  }

  skip(path: string, why: string): void {
    this.skipped.push({ path, why });
  }
}
