import type { Digest } from '@shoal/files/digest';
import type { Wait } from './patience.ts';
import type { Login } from './refusals.ts';

/** A file on a server. */
export interface RemoteFile extends Login {
  readonly url: URL;
  /** For error messages, such as `model.gguf of owner/repo`. */
  readonly what: string;
  readonly token?: string;
  /** Where they are known beforehand, anything else is refused. */
  readonly bytes?: number;
  readonly digest?: Digest;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** At once, where the server sends parts. */
  readonly connections?: number;
  /** For tests, which have small files: asked for at a time, and written before it is synced. */
  readonly pieceBytes?: number;
  readonly syncBytes?: number;
  /** All that is there, and all there is to be where that is known. May go back to 0. */
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void;
  readonly wait?: Wait;
}
