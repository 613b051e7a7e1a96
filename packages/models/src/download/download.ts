import { ShoalError } from '@shoal/protocol';
import type { Digest } from '@shoal/files/digest';
import type { IncomingPaths } from '../store/layout.ts';
import type { HttpClient } from './http.ts';
import { PartialFile } from './partial-file.ts';
import type { DownloadOptions, RemoteFile } from './remote-file.ts';
import { Transfer } from './transfer.ts';

/**
 * Brings a file to a temporary place, synced to the disk, and says its digest. What is there already is not fetched again.
 * Throws what `HttpClient.get` and the server's refusals say, `BAD_MESSAGE` for content that is not what was promised, and
 * `STORAGE_FULL`. After most errors the next call goes on where this one ended.
 */
export async function download(
  http: HttpClient,
  file: RemoteFile,
  place: IncomingPaths,
  options: DownloadOptions = {},
): Promise<{ readonly digest: Digest; readonly bytes: number }> {
  const partial = await PartialFile.open(place, file.url.href, options.syncBytes);
  const transfer = new Transfer(http, file, partial, options);
  try {
    const bytes = await transfer.run();
    const digest = await transfer.digest(bytes);
    if (file.digest !== undefined && digest !== file.digest) {
      await partial.discard();
      throw new ShoalError(
        'BAD_MESSAGE',
        `${file.url.hostname} sent another file than ${file.what}: its digest is wrong. Try again.`,
      );
    }
    return { digest, bytes };
  } catch (error) {
    await transfer.settle();
    if (partial.isDiskFull) await partial.discard();
    throw error;
  } finally {
    await partial.close();
  }
}
