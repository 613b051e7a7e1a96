import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { ShoalError } from '@shoal/protocol/error';
import type { Digest } from '@shoal/files/digest';
import { checkDiskSpace, toWriteError } from '@shoal/files/disk-space';
import { FILE_MODE } from '@shoal/files/durable-write';
import { errorCode } from '@shoal/files/error-code';
import type { IncomingPaths } from './store/layout.ts';
import { dirname } from 'node:path';

const READ_PIECE_BYTES = 1024 * 1024;

/**
 * Copies a local file to a temporary path, syncs it to the disk and computes its digest. Throws `MODEL_NOT_FOUND` if the file
 * cannot be read, `STORAGE_FULL` if the disk is full.
 */
export async function copyFile(
  from: string,
  target: IncomingPaths,
  {
    signal,
    onProgress,
  }: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  },
): Promise<{ readonly digest: Digest; readonly bytes: number }> {
  const totalBytes = await sizeOf(from);
  await checkDiskSpace(dirname(target.path), totalBytes);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    const to = await open(target.path, 'w', FILE_MODE);
    try {
      for await (const piece of createReadStream(from, {
        highWaterMark: READ_PIECE_BYTES,
        ...(signal && { signal }),
      })) {
        hash.update(piece);
        await to.writeFile(piece);
        bytes += piece.length;
        onProgress(bytes, totalBytes);
      }
      await to.sync();
    } finally {
      await to.close();
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw toWriteError(error, target.path);
  }
  return { digest: `sha256:${hash.digest('hex')}`, bytes };
}

async function sizeOf(path: string): Promise<number> {
  try {
    const stats = await stat(path);
    if (stats.isFile()) return stats.size;
  } catch (error) {
    throw new ShoalError('MODEL_NOT_FOUND', `The model file ${path} cannot be read (${errorCode(error)}).`, {
      cause: error,
    });
  }
  throw new ShoalError('MODEL_NOT_FOUND', `${path} is not a file.`);
}
