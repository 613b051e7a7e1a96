import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CliError } from '../cli-error.ts';

const READ_PIECE_BYTES = 1024 * 1024;
/** What every GGUF file begins with. */
const MAGIC = 'GGUF';

/** How large a model is, in bytes. Throws a usage error for what is none: that should show before anything is sent. */
export async function modelSize(path: string): Promise<number> {
  await using file = await openFile(path);
  const found = await file.stat();
  if (!found.isFile()) throw CliError.usage(`There is no model file ${path}.`);
  if (found.size === 0) throw CliError.usage(`The model file ${path} is empty.`);
  const { buffer } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
  if (buffer.toString('latin1') !== MAGIC) throw CliError.usage(`${path} is no GGUF file.`);
  return found.size;
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    throw CliError.usage(isMissing ? `There is no model file ${path}.` : `${path} cannot be read (${code}).`);
  }
}

/** SHA-256 of a file in hex. */
export async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of readPieces(path)) hash.update(piece);
  return hash.digest('hex');
}

export async function* readPieces(path: string): AsyncGenerator<Uint8Array> {
  for await (const piece of createReadStream(path, { highWaterMark: READ_PIECE_BYTES })) yield piece;
}
