import type { HttpClient } from '../download/http.ts';
import { nameFrom } from '../store/name.ts';
import type { SourceModel, Source } from './source.ts';
import { partFileNames } from './split.ts';

/** A GGUF file at a URL. For a model in parts: the URL of any part. */
export class Link implements Source {
  readonly #url: URL;

  constructor(url: URL) {
    this.#url = url;
  }

  async find(_http: HttpClient, _signal: AbortSignal | undefined): Promise<SourceModel> {
    const path = this.#url.pathname;
    const slash = path.lastIndexOf('/') + 1;
    const [first, ...rest] = partFileNames(path.slice(slash));
    const remote = (fileName: string) => {
      const url = new URL(this.#url);
      url.pathname = path.slice(0, slash) + fileName;
      return { url, label: decoded(fileName) };
    };
    const name = `${nameFrom(decoded(first).replace(/-00001-of-\d{5}(?=\.gguf$)/i, ''))}:latest`;
    return { name, source: withoutQuery(this.#url), files: [remote(first), ...rest.map(remote)] };
  }
}

/** The URL without its query, which may hold a signature. */
function withoutQuery({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

function decoded(fileName: string): string {
  try {
    return decodeURIComponent(fileName);
  } catch (error) {
    if (error instanceof URIError) return fileName;
    throw error;
  }
}
