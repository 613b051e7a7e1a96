import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from '@shoal/files/error-code';
import { ShoalError } from '@shoal/protocol';
import { invalidGguf } from './invalid-gguf.ts';
import { describeGguf, type GgufDescription } from './describe.ts';
import { type GgufHeader, readHeader } from './header.ts';
import { HeaderWindow } from './window.ts';

/** Lists that have one number for each layer. */
const LISTS_OF_LAYERS =
  /\.(attention\.(head_count|head_count_kv|sliding_window_pattern)|feed_forward_length|expert_used_count)$/;

/**
 * Reads a GGUF file's header and nothing else, however large the file is. Some MiB of memory are enough, whatever it
 * claims. Throws `INVALID_REQUEST` for a file that is broken or hostile, `MODEL_NOT_FOUND` where it cannot be read.
 */
export async function checkGguf(path: string): Promise<GgufHeader> {
  const file = await openModel(path);
  try {
    const about = await file.stat();
    if (!about.isFile()) throw invalidGguf('it is no file');
    const window = new HeaderWindow(about.size);
    const reading = readHeader(window, (key) => LISTS_OF_LAYERS.test(key));
    for (;;) {
      const step = reading.next();
      if (step.done === true) return step.value;
      await window.fill(file, step.value);
    }
  } finally {
    await file.close();
  }
}

/** What a model is: of its one file, or of all its parts in order. Throws as `checkGguf` does. */
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
