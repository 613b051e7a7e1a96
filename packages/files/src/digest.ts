import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { ShoalError } from '@shoal/protocol/error';

const READ_PIECE_BYTES = 1024 * 1024;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** `sha256:` and 64 hex digits in lower case. Nothing else becomes part of a path. */
export type Digest = `sha256:${string}`;

export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && DIGEST.test(value);
}

/** Throws `INVALID_REQUEST` if the value is not a digest. */
export function parseDigest(value: unknown): Digest {
  if (!isDigest(value)) {
    throw ShoalError.invalidRequest('A digest is "sha256:" and 64 hexadecimal digits in lower case.');
  }
  return value;
}

/** The 64 digits, without `sha256:`. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

export function digestOfText(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** The SHA-256 of a file's content. `onRead` gets the length of each piece that was read. */
export async function digestFile(
  path: string,
  { onRead, signal }: { readonly onRead?: (bytes: number) => void; readonly signal?: AbortSignal | undefined } = {},
): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: READ_PIECE_BYTES, ...(signal && { signal }) })) {
    hash.update(piece);
    onRead?.(piece.length);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** The digest of the model in these files, given in order. Reads all of them. */
export async function digestModel(paths: readonly string[]): Promise<Digest> {
  const parts: Digest[] = [];
  for (const path of paths) parts.push(await digestFile(path));
  return modelDigest(parts);
}

/**
 * A model's digest from the digests of its files, in order. For one file it is the file's. For several it is the SHA-256 of
 * their digests, one a line: two models in parts are the same only if every part is.
 */
export function modelDigest(parts: readonly Digest[]): Digest {
  const [only, ...more] = parts;
  return only !== undefined && more.length === 0 ? only : digestOfText(parts.map((part) => `${part}\n`).join(''));
}
