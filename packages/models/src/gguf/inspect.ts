import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol/error';
import { invalidGguf } from './invalid-gguf.ts';
import { describeGguf, type GgufDescription } from './describe.ts';
import { type GgufHeader, readHeader } from './header.ts';
import { HeaderWindow } from './window.ts';

/** Lists with one number for each layer. */
const LISTS_OF_LAYERS =
  /\.(attention\.(head_count|head_count_kv|sliding_window_pattern)|feed_forward_length|expert_used_count)$/;

/**
 * Reads and checks a GGUF file's header, in a few MiB of memory for any file. Throws `INVALID_REQUEST` for a broken or
 * hostile file, `MODEL_NOT_FOUND` if it cannot be read.
 */
export async function checkGguf(path: string): Promise<GgufHeader> {
  const file = await openModel(path);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw invalidGguf('it is not a file');
    const window = new HeaderWindow(stats.size);
    const reader = readHeader(window, (key) => LISTS_OF_LAYERS.test(key));
    for (;;) {
      const step = reader.next();
      if (step.done === true) return step.value;
      await window.fill(file, step.value);
    }
  } finally {
    await file.close();
  }
}

/** Describes the model in these files: one file, or all parts in order. Throws as `checkGguf` does. */
export async function inspectModel(paths: readonly string[]): Promise<GgufDescription> {
  const headers: GgufHeader[] = [];
  for (const path of paths) headers.push(await checkGguf(path));
  return describeGguf(headers);
}

async function openModel(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw new ShoalError('MODEL_NOT_FOUND', `The model file ${path} cannot be read (${errorCode(error)}).`, {
      cause: error,
    });
  }
}
