import type { FileLock } from '@shoal/files/file-lock';
import { ShoalError } from '@shoal/protocol/error';
import { copyFile } from './copy-file.ts';
import { type Digest, digestOfText, hexOf } from '@shoal/files/digest';
import { hostAndPort, type Resolve } from './download/addresses.ts';
import { download } from './download/download.ts';
import { parseFileResponse } from './download/file-response.ts';
import type { RemoteFile } from './download/remote-file.ts';
import { isRefusal, isRetryable } from './download/status-error.ts';
import { HttpClient } from './download/http.ts';
import type { Wait } from './download/backoff.ts';
import { inspectModel } from './gguf/inspect.ts';
import { ProgressMeter, type PullProgress } from './progress.ts';
import { parseSource } from './sources/parse.ts';
import type { SourceModel, Hubs, SourceFile } from './sources/source.ts';
import { parseName } from './store/name.ts';
import type { FileReference } from './store/reference.ts';
import type { ModelStore, ReadyFile, StoredModel } from './store/store.ts';

export const DEFAULT_HUBS = {
  huggingFace: 'https://huggingface.co',
  ollama: 'https://registry.ollama.ai',
} as const;

export interface PullOptions {
  /** The model's name in the store. Default: the name at the source. */
  readonly name?: string | undefined;
  /** Required digest of the model's one file. Mainly for links, which come without a digest. */
  readonly digest?: Digest | undefined;
  /** Base addresses of hubs or mirrors. Addresses other than the defaults are allowed like `allowedHosts`. */
  readonly hubs?: { readonly huggingFace?: URL | undefined; readonly ollama?: URL | undefined };
  /** For Hugging Face. Comes from the environment or a file, never from a flag. */
  readonly huggingFaceToken?: string | undefined;
  /** Each `host` or `host:port` may be in a private network and use plain http. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Connections to one server at a time. */
  readonly connections?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
  /** For tests: address lookup, the wait between tries, and the bytes per request and per sync. */
  readonly resolve?: Resolve | undefined;
  readonly wait?: Wait | undefined;
  readonly pieceBytes?: number | undefined;
  readonly syncBytes?: number | undefined;
}

/**
 * Pulls a model into the store: lists its files, fetches the missing ones, checks digests and headers, and then sets its
 * name. Bytes that were fetched before a failure or a kill are not fetched again; of a source that is refused nothing stays. Throws `MODEL_NOT_FOUND`, `UNAUTHORIZED`,
 * `STORAGE_FULL`, `INVALID_REQUEST` for names, links and files that cannot be used, `BAD_MESSAGE` if a server sends other
 * content than it announced, and `CONNECT_FAILED`, `TIMEOUT_NO_RESPONSE` or `OVERLOADED` if a later pull may succeed. An
 * abort throws the signal's reason.
 */
export async function pull(store: ModelStore, source: string, options: PullOptions = {}): Promise<StoredModel> {
  const hubs = hubsOf(options);
  const http = new HttpClient({
    allowedHosts: allowedHosts(hubs, options),
    ...(options.resolve && { resolve: options.resolve }),
  });
  try {
    return await new Pull(store, http, options).run(source, hubs);
  } catch (error) {
    if (isRefusal(error)) await store.removeCreated();
    throw error;
  } finally {
    http.close();
  }
}

class Pull {
  readonly #store: ModelStore;
  readonly #http: HttpClient;
  readonly #options: PullOptions;
  readonly #meter: ProgressMeter;
  /** Bytes of each file: fetched, and in all if known. */
  readonly #progress = new Map<SourceFile, { readonly done: number; readonly total: number | undefined }>();

  constructor(store: ModelStore, http: HttpClient, options: PullOptions) {
    this.#store = store;
    this.#http = http;
    this.#options = options;
    this.#meter = new ProgressMeter(options.onProgress ?? (() => undefined));
  }

  async run(text: string, hubs: Hubs): Promise<StoredModel> {
    const { signal, wait } = this.#options;
    const requestedName = this.#options.name === undefined ? undefined : parseName(this.#options.name);
    this.#meter.report('finding', 0, undefined);
    const model = withDigest(await parseSource(text, hubs, wait).find(this.#http, signal), this.#options.digest);
    for (const file of model.files)
      this.#progress.set(file, { done: 0, total: 'bytes' in file ? file.bytes : undefined });
    const locks = await this.#lock(model);
    try {
      return await this.#pull(model, requestedName);
    } catch (error) {
      if (isRefusal(error)) await this.#store.discard(model.files.map(keyOf));
      throw error;
    } finally {
      for (const lock of locks) lock.release();
    }
  }

  async #pull(model: SourceModel, requestedName: string | undefined): Promise<StoredModel> {
    const [first, ...rest] = model.files;
    const known = (await this.#store.list()).find(({ source }) => source === model.source)?.files ?? [];
    const files: [ReadyFile, ...ReadyFile[]] = [await this.#fetch(first, known[0])];
    for (const [index, file] of rest.entries()) files.push(await this.#fetch(file, known[index + 1]));
    this.#report('checking');
    await this.#check(files);
    this.#options.signal?.throwIfAborted();
    const stored = await this.#store.add(requestedName ?? parseName(model.name), model.source, files);
    this.#report('done');
    return stored;
  }

  /** Locks in sorted order, so that two pulls cannot wait for each other. */
  async #lock({ files }: SourceModel): Promise<FileLock[]> {
    const locks: FileLock[] = [];
    try {
      for (const key of [...new Set(files.map(keyOf))].toSorted()) {
        locks.push(await this.#store.lock(key, this.#options.signal, () => this.#report('waiting')));
      }
      return locks;
    } catch (error) {
      for (const lock of locks) lock.release();
      throw error;
    }
  }

  /** `known`: the file of an earlier pull from the same source. */
  async #fetch(file: SourceFile, known: FileReference | undefined): Promise<ReadyFile> {
    const present = file.digest === undefined ? undefined : await this.#store.blob(file.digest);
    const isTruncated = 'bytes' in file && file.bytes !== undefined && file.bytes !== present?.bytes;
    if (file.digest !== undefined && present !== undefined && !isTruncated) {
      this.#advance(file, present.bytes, present.bytes);
      return { digest: file.digest, bytes: present.bytes };
    }
    if ('url' in file && known !== undefined && (await this.#isUnchanged(file, known))) {
      this.#advance(file, known.bytes, known.bytes);
      return known;
    }
    const incoming = this.#store.incoming(keyOf(file));
    const { signal, wait, connections, pieceBytes, syncBytes } = this.#options;
    const common = {
      onProgress: (done: number, total: number | undefined) => this.#advance(file, done, total),
      ...(signal && { signal }),
    };
    if ('path' in file) {
      const copied = await copyFile(file.path, incoming, common);
      if (file.digest === undefined || file.digest === copied.digest) return { ...copied, incoming };
      throw ShoalError.invalidRequest(`${file.path} has another digest: ${copied.digest}.`);
    }
    const options = {
      ...common,
      ...(wait && { wait }),
      ...(connections !== undefined && { connections }),
      ...(pieceBytes !== undefined && { pieceBytes }),
      ...(syncBytes !== undefined && { syncBytes }),
    };
    return { ...(await download(this.#http, file, incoming, options)), incoming };
  }

  /** True if a file without a digest has the size and the strong `ETag` of an earlier pull, whose file is still stored. */
  async #isUnchanged(file: RemoteFile, { digest, bytes, etag }: FileReference): Promise<boolean> {
    if (file.digest !== undefined || etag === undefined || (await this.#store.blob(digest))?.bytes !== bytes)
      return false;
    const { url, label, token } = file;
    const { signal } = this.#options;
    try {
      const response = await this.#http.get(url, { headers: { range: 'bytes=0-0' }, signal, token });
      const found = parseFileResponse(response, { start: 0, end: 1 }, label, file);
      found.body.destroy();
      return found.etag === etag && found.totalBytes === bytes;
    } catch (error) {
      // The download that follows tries again, and reports a lasting error.
      if (isRetryable(error)) return false;
      throw error;
    }
  }

  /** Throws if the model cannot be loaded. */
  async #check(files: readonly ReadyFile[]): Promise<void> {
    const paths: string[] = [];
    for (const { digest, incoming } of files) {
      const path = incoming?.path ?? (await this.#store.blob(digest))?.path;
      if (path !== undefined) paths.push(path);
    }
    await inspectModel(paths);
  }

  #advance(file: SourceFile, done: number, total: number | undefined): void {
    this.#progress.set(file, { done, total });
    this.#report('fetching');
  }

  #report(phase: PullProgress['phase']): void {
    let doneBytes = 0;
    let totalBytes: number | undefined = 0;
    for (const { done, total } of this.#progress.values()) {
      doneBytes += done;
      totalBytes = total === undefined || totalBytes === undefined ? undefined : totalBytes + total;
    }
    this.#meter.report(phase, doneBytes, totalBytes);
  }
}

/** The key of a download: its digest if known, so that a pull from a mirror resumes the same download. */
function keyOf(file: SourceFile): string {
  return hexOf(file.digest ?? digestOfText('path' in file ? `file:${file.path}` : file.url.href));
}

function withDigest(model: SourceModel, digest: Digest | undefined): SourceModel {
  if (digest === undefined) return model;
  const [only, ...more] = model.files;
  if (more.length > 0) throw ShoalError.invalidRequest('A digest cannot be given for a model in several parts.');
  if (only.digest !== undefined && only.digest !== digest) {
    throw ShoalError.invalidRequest(`The model at the source has another digest: ${only.digest}.`);
  }
  return { ...model, files: [{ ...only, digest }] };
}

function hubsOf({ hubs = {}, huggingFaceToken }: PullOptions): Hubs {
  return {
    huggingFace: hubs.huggingFace ?? new URL(DEFAULT_HUBS.huggingFace),
    ollama: hubs.ollama ?? new URL(DEFAULT_HUBS.ollama),
    huggingFaceToken,
  };
}

function allowedHosts({ huggingFace, ollama }: Hubs, options: PullOptions): readonly string[] {
  const defaults = Object.values(DEFAULT_HUBS).map((base) => new URL(base).origin);
  const own = [huggingFace, ollama].filter(({ origin }) => !defaults.includes(origin)).map(hostAndPort);
  return [...own, ...(options.allowedHosts ?? [])];
}
