import { ShoalError } from '@shoal/protocol/error';
import type { IncomingPaths } from '../store/layout.ts';
import type { FileReference } from '../store/reference.ts';
import type { HttpClient } from './http.ts';
import { PartialFile } from './partial-file.ts';
import { totalOf } from './ranges.ts';
import type { DownloadOptions, RemoteFile } from './remote-file.ts';
import { isRefusal } from './status-error.ts';
import { Transfer } from './transfer.ts';

/**
 * Downloads a file to a temporary path, syncs it to the disk and computes its digest. Resumes an earlier download of the same
 * file; after errors that may pass the next call resumes this one, and after a refusal nothing stays. Throws the errors of `HttpClient.get` and `statusError`,
 * `BAD_MESSAGE` if the content is not what was announced, and `STORAGE_FULL`.
 */
export async function download(
  http: HttpClient,
  file: RemoteFile,
  target: IncomingPaths,
  options: DownloadOptions = {},
): Promise<FileReference> {
  const partial = await PartialFile.open(target, file.url.href, options.syncBytes);
  const transfer = new Transfer(http, file, partial, options);
  try {
    const bytes = await transfer.run();
    const digest = await transfer.digest(bytes);
    if (file.digest !== undefined && digest !== file.digest) {
      throw new ShoalError(
        'BAD_MESSAGE',
        `${file.url.hostname} sent a wrong file for ${file.label}: its digest is wrong. Try again.`,
      );
    }
    return { digest, bytes, etag: partial.origin.etag };
  } catch (error) {
    await transfer.settle();
    if (partial.isDiskFull || isRefusal(error) || !canBeResumed(partial, file)) await partial.discard();
    throw error;
  } finally {
    await partial.close();
  }
}

/** A body of unknown length is always sent from its start. */
function canBeResumed({ written, origin }: PartialFile, { bytes }: RemoteFile): boolean {
  return totalOf(written) > 0 && (bytes ?? origin.totalBytes) !== undefined;
}
