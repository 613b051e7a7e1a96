import type { Digest } from '@shoal/files/digest';
import type { Wait } from './backoff.ts';
import type { LoginHint } from './status-error.ts';

/** A file on a server. */
export interface RemoteFile extends LoginHint {
  readonly url: URL;
  /** For error messages, such as `model.gguf of owner/repo`. */
  readonly what: string;
  readonly token?: string | undefined;
  /** Where they are known beforehand, anything else is refused. */
  readonly bytes?: number | undefined;
  readonly digest?: Digest | undefined;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** At once, where the server sends parts. */
  readonly connections?: number | undefined;
  /** For tests, which have small files: asked for at a time, and written before it is synced. */
  readonly pieceBytes?: number | undefined;
  readonly syncBytes?: number | undefined;
  /** All that is there, and all there is to be where that is known. May go back to 0. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number | undefined) => void) | undefined;
  readonly wait?: Wait | undefined;
}
