import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import { ShoalError } from '@shoal/protocol/error';
import { type JsonObject, parseStrictObject } from '@shoal/protocol/json';
import { API_BODY_LIMIT_BYTES } from '../api.ts';
import { HttpError } from './http-error.ts';

type Decompress = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const DECOMPRESSORS: ReadonlyMap<string, Decompress> = new Map([
  ['gzip', promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip)],
  ['deflate', promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate)],
  ['br', promisify<Buffer, { maxOutputLength: number }, Buffer>(brotliDecompress)],
  ['zstd', promisify<Buffer, { maxOutputLength: number }, Buffer>(zstdDecompress)],
]);

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** The body of a request, and its size once decompressed. */
export interface JsonBody {
  readonly value: JsonObject;
  readonly bytes: number;
}

/**
 * Reads a body that is one JSON object. An empty body is an empty object. Throws `INVALID_REQUEST`, with status 413 for a
 * body that is too large and 415 for an unknown encoding.
 */
export async function readJsonBody(body: Buffer, contentEncoding: string | undefined): Promise<JsonBody> {
  const plain = await decompress(body, contentEncoding);
  if (plain.length === 0) return { value: {}, bytes: 0 };
  try {
    return { value: parseStrictObject(decode(plain), plain), bytes: plain.length };
  } catch (thrown) {
    const { message, cause } = ShoalError.from(thrown);
    throw new ShoalError('INVALID_REQUEST', message.replace(/^A message/, 'The body'), { cause });
  }
}

/** Returns the error for a body above a limit. */
export function tooLarge(limitBytes: number, where = 'A request'): HttpError {
  return new HttpError(413, ShoalError.invalidRequest(`${where} may have at most ${limitBytes} bytes.`));
}

async function decompress(body: Buffer, contentEncoding = 'identity'): Promise<Buffer> {
  const encoding = contentEncoding.trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return body;
  const decompressor = DECOMPRESSORS.get(encoding);
  if (decompressor === undefined) {
    const known = [...DECOMPRESSORS.keys()].join(', ');
    const error = ShoalError.invalidRequest(`The content encoding must be one of ${known}, or left out.`);
    throw new HttpError(415, error);
  }
  try {
    return await decompressor(body, { maxOutputLength: API_BODY_LIMIT_BYTES });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(API_BODY_LIMIT_BYTES, 'A decompressed request');
    throw new ShoalError('INVALID_REQUEST', `The body is not valid ${encoding}.`, { cause });
  }
}

function decode(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new ShoalError('INVALID_REQUEST', 'The body must be valid UTF-8.', { cause });
  }
}
