import { ShoalError } from '@shoal/protocol/error';
import { isDigest } from '@shoal/files/digest';
import { hostAndPort } from '../download/addresses.ts';
import type { RemoteFile } from '../download/remote-file.ts';
import type { HttpClient } from '../download/http.ts';
import type { Wait } from '../download/backoff.ts';
import { nameFrom } from '../store/name.ts';
import { urlBelow, countOf, fetchJson, itemsOf, objectOf } from './document.ts';
import { selectModel, type ModelVariant, type RepositoryFile } from './quantisation.ts';
import type { SourceModel, Hubs, Source } from './source.ts';

/** Pages of a list of files, 1,000 files each. */
const MAX_PAGES = 20;
const TOKEN_VARIABLE = 'HF_TOKEN';
const REPOSITORY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;
const NEXT_PAGE = /<([^>]+)>;\s*rel="next"/;

/**
 * `OWNER/REPO`, `OWNER/REPO:QUANTISATION` or `OWNER/REPO:FILE.gguf` of Hugging Face or a mirror. The digests come from its
 * list of files (`lfs.oid`).
 */
export class HuggingFace implements Source {
  readonly #hubs: Hubs;
  readonly #wait: Wait | undefined;
  readonly #repository: string;
  readonly #selector: string | undefined;

  constructor(text: string, hubs: Hubs, wait?: Wait) {
    const colon = text.indexOf(':');
    this.#repository = colon === -1 ? text : text.slice(0, colon);
    this.#selector = colon === -1 ? undefined : text.slice(colon + 1);
    this.#hubs = hubs;
    this.#wait = wait;
    if (!REPOSITORY.test(this.#repository) || this.#selector === '') {
      throw ShoalError.invalidRequest(
        'A model on Hugging Face is hf:OWNER/REPO, hf:OWNER/REPO:QUANTISATION or hf:OWNER/REPO:FILE.gguf.',
      );
    }
  }

  async find(http: HttpClient, signal: AbortSignal | undefined): Promise<SourceModel> {
    const files = await this.#list(http, signal);
    const variant = selectModel(files, this.#repository, this.#selector);
    const tag = this.#tag(variant);
    const [first, ...rest] = variant.files;
    return {
      name: `hf.co/${this.#repository}:${tag}`,
      source: `hf:${this.#repository}:${this.#selector ?? variant.quantisation ?? first.path}`,
      files: [this.#remote(first), ...rest.map((file) => this.#remote(file))],
    };
  }

  #tag({ quantisation, files: [{ path }] }: ModelVariant): string {
    if (this.#selector?.toLowerCase().endsWith('.gguf') === true)
      return nameFrom(path.slice(path.lastIndexOf('/') + 1));
    return quantisation ?? 'latest';
  }

  async #list(http: HttpClient, signal: AbortSignal | undefined): Promise<RepositoryFile[]> {
    const base = this.#hubs.huggingFace;
    const files: RepositoryFile[] = [];
    let url: URL | null = urlBelow(base, `api/models/${this.#repository}/tree/main?recursive=1`);
    for (let pages = 0; url !== null && pages < MAX_PAGES; pages++) {
      const options = { ...this.#token(), ...(signal && { signal }), ...(this.#wait && { wait: this.#wait }) };
      const page = await fetchJson(http, url, options, this.#repository, this.#login());
      files.push(...itemsOf(page.value).flatMap(readFile));
      const next = NEXT_PAGE.exec(page.link ?? '')?.[1];
      url = next === undefined ? null : URL.parse(next, url.href);
      // The request carries the token, so it must not leave the hub.
      if (url !== null && hostAndPort(url) !== hostAndPort(base)) {
        throw new ShoalError('BAD_MESSAGE', `${base.hostname} continues its list of files on another server.`);
      }
    }
    return files;
  }

  #remote({ path, bytes, digest }: RepositoryFile): RemoteFile {
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    return {
      url: urlBelow(this.#hubs.huggingFace, `${this.#repository}/resolve/main/${encoded}`),
      label: `${path} of ${this.#repository}`,
      bytes,
      digest,
      ...this.#token(),
      ...this.#login(),
    };
  }

  #login() {
    return { tokenVariable: TOKEN_VARIABLE, page: urlBelow(this.#hubs.huggingFace, this.#repository) };
  }

  #token() {
    const token = this.#hubs.huggingFaceToken;
    return token === undefined ? {} : { token };
  }
}

function readFile(value: unknown): RepositoryFile[] {
  const { type, path, size, lfs } = objectOf(value);
  if (type !== 'file' || typeof path !== 'string') return [];
  const large = objectOf(lfs);
  const bytes = countOf(large['size']) ?? countOf(size);
  if (bytes === undefined) return [];
  const digest = `sha256:${String(large['oid'])}`;
  return [{ path, bytes, ...(isDigest(digest) && { digest }) }];
}
