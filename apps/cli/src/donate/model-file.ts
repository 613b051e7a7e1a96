import { createReadStream, existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { digestFile, hexOf } from '@shoal/files/digest';
import { errorCode, isMissing } from '@shoal/files/error-code';
import { GGUF_MAGIC_LENGTH, isGguf } from '@shoal/files/gguf';
import { ShoalError } from '@shoal/protocol/error';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';

const READ_PIECE_BYTES = 1024 * 1024;

/** Returns the path of a model that is given by its file, or by its name as `shoal list` shows it. Throws a usage error. */
export async function modelFile(context: Context, text: string): Promise<string> {
  if (/\.gguf$/i.test(text) || existsSync(text)) return text;
  // Looking for a model loads more code than a file needs.
  const [{ findModel }, { localPlaces }] = await Promise.all([
    import('@shoal/host/models'),
    import('../models/local.ts'),
  ]);
  try {
    const { paths } = await findModel(await localPlaces(context), text);
    const [path = text, ...parts] = paths;
    if (parts.length === 0) return path;
  } catch (error) {
    throw error instanceof ShoalError ? CliError.usage(error.message) : error;
  }
  throw CliError.usage(`"${text}" is a model in several files. Push one that is a single file.`);
}

/** Returns the size of a GGUF file in bytes. Throws a usage error for any other file, before anything is sent. */
export async function modelSize(path: string): Promise<number> {
  await using file = await openFile(path);
  const found = await file.stat();
  if (!found.isFile()) throw CliError.usage(`There is no model file ${path}.`);
  if (found.size === 0) throw CliError.usage(`The model file ${path} is empty.`);
  const { buffer } = await file.read(Buffer.alloc(GGUF_MAGIC_LENGTH), 0, GGUF_MAGIC_LENGTH, 0);
  if (!isGguf(buffer)) throw CliError.usage(`${path} is not a GGUF file.`);
  return found.size;
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw CliError.usage(
      isMissing(error) ? `There is no model file ${path}.` : `${path} cannot be read (${errorCode(error)}).`,
    );
  }
}

/** Returns the SHA-256 of a file in hex. */
export async function digest(path: string): Promise<string> {
  return hexOf(await digestFile(path));
}

export async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  for await (const piece of createReadStream(path, { highWaterMark: READ_PIECE_BYTES })) yield piece;
}
