import { ShoalError } from '@shoal/protocol/error';
import type { Digest } from '@shoal/files/digest';
import { type FileResponse, parseFileResponse } from './file-response.ts';
import { connectionError, type HttpClient } from './http.ts';
import type { PartialFile } from './partial-file.ts';
import { Backoff } from './backoff.ts';
import { PrefixHash } from './prefix-hash.ts';
import { missing, type Range, totalOf } from './ranges.ts';
import { isRetryable } from './status-error.ts';
import type { DownloadOptions, RemoteFile } from './remote-file.ts';
import { Writer } from './writer.ts';

const DEFAULT_CONNECTIONS = 4;
/** Bytes per request: large enough to make requests cheap, small enough for several connections to share a file. */
const PIECE_BYTES = 64 * 1024 * 1024;

/** The largest download whose server does not say how long it is. A larger one is refused, and its bytes are removed. */
const MAX_UNSIZED_BYTES = 64 * 1024 ** 3;

/** Transfers one file over one or several connections. */
export class Transfer {
  readonly #http: HttpClient;
  readonly #file: RemoteFile;
  readonly #partial: PartialFile;
  readonly #options: DownloadOptions;
  readonly #hash: PrefixHash;
  /** Aborted when one connection fails for good. Ends the others. */
  readonly #failed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #pieceBytes: number;
  #totalBytes: number | undefined;

  constructor(http: HttpClient, file: RemoteFile, partial: PartialFile, options: DownloadOptions) {
    this.#http = http;
    this.#file = file;
    this.#partial = partial;
    this.#options = options;
    this.#hash = new PrefixHash(partial.path);
    this.#pieceBytes = options.pieceBytes ?? PIECE_BYTES;
    this.#signal = AbortSignal.any([this.#failed.signal, ...(options.signal ? [options.signal] : [])]);
  }

  /** Resolves with the file's length once all of it is synced to the disk. */
  async run(): Promise<number> {
    this.#totalBytes = this.#file.bytes ?? this.#partial.origin.totalBytes;
    const whole = await this.#fetchFirst();
    if (whole === undefined) await this.#fetchRest();
    const bytes = whole ?? this.#totalBytes ?? totalOf(this.#partial.written);
    if (this.#file.bytes !== undefined && bytes !== this.#file.bytes) {
      throw new ShoalError(
        'BAD_MESSAGE',
        `${this.#file.url.hostname} sent less of ${this.#file.label} than it announced.`,
      );
    }
    if (this.#partial.contiguousBytes !== bytes)
      throw new ShoalError('INTERNAL', `A part of ${this.#file.label} is missing.`);
    await this.#partial.sync();
    this.#reportProgress();
    return bytes;
  }

  digest(bytes: number): Promise<Digest> {
    return this.#hash.digest(bytes, this.#options.signal);
  }

  /** Ends all work after a failure, and keeps the received bytes if possible. */
  async settle(): Promise<void> {
    await this.#hash.close();
    if (this.#partial.isDiskFull) return;
    try {
      await this.#partial.sync();
    } catch (error) {
      // The first error is the one to report. After this one, the next pull only fetches more bytes again.
      if (!(error instanceof ShoalError)) throw error;
    }
  }

  /**
   * Fetches the first piece, which shows whether the server sends ranges. Resolves with the file's length if the file is
   * complete then, else with undefined.
   */
  async #fetchFirst(): Promise<number | undefined> {
    const total = this.#totalBytes;
    if (this.#file.digest !== undefined && total !== undefined && this.#partial.contiguousBytes === total) return total;
    return this.#retry(async (backoff) => {
      const response = await this.#request(this.#firstRange());
      await this.#begin(response);
      await this.#receive(response, backoff);
      return response.isRange ? undefined : this.#endOfWhole(response);
    });
  }

  /** Never empty: without a digest, only a response shows that the earlier bytes are still valid. */
  #firstRange(): Range {
    const whole = { start: 0, end: this.#totalBytes ?? this.#pieceBytes };
    return this.#missing(whole)[0] ?? { start: 0, end: Math.min(this.#pieceBytes, whole.end) };
  }

  async #fetchRest(): Promise<void> {
    const pieces = this.#missing({ start: 0, end: this.#totalBytes ?? 0 });
    const connection = async (): Promise<void> => {
      for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) await this.#fetchPiece(piece);
    };
    const connections = Math.min(this.#options.connections ?? DEFAULT_CONNECTIONS, pieces.length);
    const ends = await Promise.allSettled(
      Array.from({ length: connections }, () => connection().catch((error: unknown) => this.#fail(error))),
    );
    if (ends.some(({ status }) => status === 'rejected')) throw this.#failed.signal.reason;
  }

  async #fetchPiece(piece: Range): Promise<void> {
    await this.#retry(async (backoff) => {
      const [rest] = this.#missing(piece);
      if (rest === undefined) return;
      const response = await this.#request(rest);
      if (!this.#isSameContent(response)) {
        response.body.destroy();
        throw new ShoalError(
          'BAD_MESSAGE',
          `${this.#file.url.hostname} changed ${this.#file.label} during the download. Try again.`,
        );
      }
      await this.#receive(response, backoff);
    });
  }

  /** Retries an attempt after errors that may pass. */
  async #retry<T>(attempt: (backoff: Backoff) => Promise<T>): Promise<T> {
    const backoff = new Backoff(this.#options.wait);
    for (;;) {
      try {
        return await attempt(backoff);
      } catch (error) {
        if (!isRetryable(error)) throw error;
        await backoff.wait(error, this.#signal);
      }
    }
  }

  #missing(within: Range): Range[] {
    return missing(this.#partial.written, within, this.#pieceBytes);
  }

  #fail(error: unknown): never {
    this.#failed.abort(error);
    throw error;
  }

  async #request(range: Range): Promise<FileResponse> {
    const { url, token, label } = this.#file;
    const response = await this.#http.get(url, {
      headers: { range: `bytes=${range.start}-${range.end - 1}` },
      signal: this.#signal,
      token,
    });
    if (response.status === 416) await this.#restart(response.body);
    return parseFileResponse(response, range, label, this.#file);
  }

  /** For status 416: the earlier bytes exceed the file, so they belong to another version of it. */
  async #restart(body: FileResponse['body']): Promise<never> {
    body.destroy();
    await this.#hash.restart();
    await this.#partial.restart();
    this.#totalBytes = this.#file.bytes;
    throw this.#changed();
  }

  #changed(): ShoalError {
    return new ShoalError(
      'CONNECT_FAILED',
      `${this.#file.label} has changed at its source. Pull again to fetch the new version.`,
    );
  }

  /** Keeps the earlier bytes if they belong to the same content, and checks that the rest fits on the disk. */
  async #begin(response: FileResponse): Promise<void> {
    const { totalBytes, etag } = response;
    try {
      if (this.#file.bytes !== undefined && totalBytes !== undefined && totalBytes !== this.#file.bytes) {
        throw new ShoalError(
          'BAD_MESSAGE',
          `${this.#file.url.hostname} has ${totalBytes} bytes of ${this.#file.label} instead of ${this.#file.bytes}. Try again later.`,
        );
      }
      const resumes = this.#canResume(response);
      const isAhead = !resumes && response.start > 0;
      if (!resumes) await this.#hash.restart();
      const total = totalBytes ?? this.#file.bytes;
      const origin = { link: this.#file.url.href, totalBytes: total };
      await this.#partial.begin({ ...origin, ...(etag !== undefined && { etag }) }, resumes);
      this.#totalBytes = total;
      if (isAhead) throw this.#changed();
    } catch (error) {
      response.body.destroy();
      throw error;
    }
  }

  /** True if the response continues the earlier bytes, of this download or an earlier one. */
  #canResume({ isRange, totalBytes, etag }: FileResponse): boolean {
    const { origin, written } = this.#partial;
    if (!isRange) return false;
    if (this.#file.digest !== undefined || written.length === 0) return true;
    return etag !== undefined && etag === origin.etag && totalBytes === origin.totalBytes;
  }

  /** True if the response has the content that the other connections fetch. */
  #isSameContent({ isRange, totalBytes, etag }: FileResponse): boolean {
    const hasSameEtag = this.#file.digest !== undefined || etag === this.#partial.origin.etag;
    return isRange && totalBytes === this.#totalBytes && hasSameEtag;
  }

  async #receive({ body, start, end }: FileResponse, backoff: Backoff): Promise<void> {
    const { url, label } = this.#file;
    const most = end ?? this.#file.bytes ?? this.#options.unsizedBytes ?? MAX_UNSIZED_BYTES;
    const writer = new Writer(this.#partial, start);
    try {
      for await (const piece of body as AsyncIterable<Buffer>) {
        if (writer.end + piece.length > most) throw this.#tooLong(end ?? this.#file.bytes, most);
        backoff.reset();
        await writer.push(piece);
        this.#hash.advance(this.#partial.contiguousBytes);
        this.#reportProgress();
      }
      if (end !== undefined && writer.end < end) {
        throw new ShoalError(
          'CONNECT_FAILED',
          `${url.hostname} closed the connection in the middle of ${label}. Pull again to resume.`,
        );
      }
    } catch (error) {
      throw connectionError(url, error, this.#signal);
    } finally {
      body.destroy();
      await writer.flush();
    }
  }

  #tooLong(announced: number | undefined, most: number): ShoalError {
    const { url, label } = this.#file;
    if (announced !== undefined) {
      return new ShoalError('BAD_MESSAGE', `${url.hostname} sent more of ${label} than it announced.`);
    }
    const limit = `${Math.floor(most / 1e6).toLocaleString('en')} MB`;
    return new ShoalError(
      'BAD_MESSAGE',
      `${url.hostname} sent more than ${limit} of ${label} without its length. Use a source that sends the length.`,
    );
  }

  #endOfWhole({ end }: FileResponse): number {
    return end ?? totalOf(this.#partial.written);
  }

  #reportProgress(): void {
    this.#options.onProgress?.(totalOf(this.#partial.written), this.#totalBytes);
  }
}
