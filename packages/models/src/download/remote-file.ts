import type { Digest } from '@shoal/files/digest';
import type { Wait } from './backoff.ts';
import type { LoginHint } from './status-error.ts';

/** A file on a server. */
export interface RemoteFile extends LoginHint {
  readonly url: URL;
  /** For error messages, such as `model.gguf of owner/repo`. */
  readonly label: string;
  readonly token?: string | undefined;
  /** If known before the download, other lengths and digests are refused. */
  readonly bytes?: number | undefined;
  readonly digest?: Digest | undefined;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Connections at once, if the server sends ranges. Default: 4. */
  readonly connections?: number | undefined;
  /** For tests, which use small files: bytes per request, and bytes between two syncs. */
  readonly pieceBytes?: number | undefined;
  readonly syncBytes?: number | undefined;
  /** For tests: the most bytes of a file without a length. */
  readonly unsizedBytes?: number | undefined;
  /** Gets the bytes so far and, if known, in all. `doneBytes` returns to 0 when a download restarts. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number | undefined) => void) | undefined;
  readonly wait?: Wait | undefined;
}
