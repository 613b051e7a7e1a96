import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShoalError } from '@shoal/protocol/error';
import type { HttpClient } from '../download/http.ts';
import { nameFrom } from '../store/name.ts';
import type { SourceModel, Source } from './source.ts';
import { partFileNames } from './split.ts';

/** A local GGUF file, as `file:PATH` or `file:///PATH`. For a model in parts: the path of any part. */
export class LocalPath implements Source {
  readonly #path: string;

  constructor(text: string) {
    this.#path = resolve(pathOf(text));
  }

  async find(_http: HttpClient, _signal: AbortSignal | undefined): Promise<SourceModel> {
    const [first, ...rest] = partFileNames(basename(this.#path));
    const local = (fileName: string) => ({ path: join(dirname(this.#path), fileName) });
    const name = `${nameFrom(first.replace(/-00001-of-\d{5}(?=\.gguf$)/i, ''))}:latest`;
    return { name, source: `file:${this.#path}`, files: [local(first), ...rest.map(local)] };
  }
}

function pathOf(text: string): string {
  const path = text.slice('file:'.length);
  if (path === '' || path.includes('\0')) throw ShoalError.invalidRequest('A local file is file:PATH.');
  if (!path.startsWith('//')) return path;
  try {
    return fileURLToPath(text);
  } catch (error) {
    throw new ShoalError('INVALID_REQUEST', 'A local file is file:PATH or file:///PATH.', { cause: error });
  }
}
