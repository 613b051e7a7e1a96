import { ShoalError } from '@shoal/protocol';
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
/** Asked for at a time: large enough that asking costs nothing, small enough for several connections to share a file. */
const PIECE_BYTES = 64 * 1024 * 1024;
/** One file on its way, over one connection or several. */
export class Transfer {
  readonly #http: HttpClient;
  readonly #file: RemoteFile;
  readonly #partial: PartialFile;
  readonly #options: DownloadOptions;
  readonly #hash: PrefixHash;
  /** Aborted when one connection has failed for good, and with it all others. */
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

  /** Resolves with the file's length once all of it is on the disk. */
  async run(): Promise<number> {
    this.#totalBytes = this.#file.bytes ?? this.#partial.origin.totalBytes;
    const whole = await this.#fetchFirst();
    if (whole === undefined) await this.#fetchRest();
    const bytes = whole ?? this.#totalBytes ?? totalOf(this.#partial.written);
    if (this.#partial.contiguousBytes !== bytes)
      throw new ShoalError('INTERNAL', `A part of ${this.#file.what} is missing.`);
    await this.#partial.sync();
    this.#tell();
    return bytes;
  }

  digest(bytes: number): Promise<Digest> {
    return this.#hash.digest(bytes, this.#options.signal);
  }

  /** After a failure: what came is kept, where it can be, and nothing is at work any more. */
  async settle(): Promise<void> {
    await this.#hash.close();
    if (this.#partial.isDiskFull) return;
    try {
      await this.#partial.sync();
    } catch (error) {
      // The first error is the one to tell; this one means that the next pull fetches a little more.
      if (!(error instanceof ShoalError)) throw error;
    }
  }

  /**
   * The first piece shows what the server can do. Resolves with the file's length where it sent all of it, because it sends
   * no parts or because nothing was missing; with undefined where there may be more to ask for.
   */
  async #fetchFirst(): Promise<number | undefined> {
    const total = this.#totalBytes;
    if (this.#file.digest !== undefined && total !== undefined && this.#partial.contiguousBytes === total) return total;
    return this.#persist(async (backoff) => {
      const delivery = await this.#ask(this.#firstRange());
      await this.#begin(delivery);
      await this.#take(delivery, backoff);
      return delivery.isPart ? undefined : this.#endOfWhole(delivery);
    });
  }

  /** Without a digest only the server can say that what is there is still right: something is asked for in any case. */
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
    await this.#persist(async (backoff) => {
      const [rest] = this.#missing(piece);
      if (rest === undefined) return;
      const delivery = await this.#ask(rest);
      if (!this.#fits(delivery)) {
        delivery.body.destroy();
        throw new ShoalError(
          'BAD_MESSAGE',
          `${this.#file.url.hostname} changed ${this.#file.what} meanwhile. Try again.`,
        );
      }
      await this.#take(delivery, backoff);
    });
  }

  /** Tries again what may pass by itself. */
  async #persist<T>(attempt: (backoff: Backoff) => Promise<T>): Promise<T> {
    const backoff = new Backoff(this.#options.wait);
    for (;;) {
      try {
        return await attempt(backoff);
      } catch (error) {
        if (!isRetryable(error)) throw error;
        await backoff.after(error, this.#signal);
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

  async #ask(range: Range): Promise<FileResponse> {
    const { url, token, what } = this.#file;
    const answer = await this.#http.get(url, {
      headers: { range: `bytes=${range.start}-${range.end - 1}` },
      signal: this.#signal,
      token,
    });
    if (answer.status === 416) await this.#startAnew(answer.body);
    return parseFileResponse(answer, range, what, this.#file);
  }

  /** The server has no such range: what is there is longer than the file, and so of another one. */
  async #startAnew(body: FileResponse['body']): Promise<never> {
    body.destroy();
    await this.#hash.restart();
    await this.#partial.restart();
    this.#totalBytes = this.#file.bytes;
    throw this.#changed();
  }

  #changed(): ShoalError {
    return new ShoalError('CONNECT_FAILED', `${this.#file.what} has changed, and is fetched anew. Pull again.`);
  }

  /** Decides whether what is there is of the same file, and makes room for the rest. */
  async #begin(delivery: FileResponse): Promise<void> {
    const { totalBytes, mark } = delivery;
    try {
      if (this.#file.bytes !== undefined && totalBytes !== undefined && totalBytes !== this.#file.bytes) {
        throw new ShoalError(
          'BAD_MESSAGE',
          `${this.#file.url.hostname} has ${totalBytes} bytes of ${this.#file.what} instead of ${this.#file.bytes}. Try again later.`,
        );
      }
      const goesOn = this.#goesOn(delivery);
      const isAhead = !goesOn && delivery.start > 0;
      if (!goesOn) await this.#hash.restart();
      const total = totalBytes ?? this.#file.bytes;
      const origin = { link: this.#file.url.href, totalBytes: total };
      await this.#partial.begin({ ...origin, ...(mark !== undefined && { mark }) }, goesOn);
      this.#totalBytes = total;
      if (isAhead) throw this.#changed();
    } catch (error) {
      delivery.body.destroy();
      throw error;
    }
  }

  /** Whether it is the content that is partly there, from this download or an earlier one. */
  #goesOn({ isPart, totalBytes, mark }: FileResponse): boolean {
    const { origin, written } = this.#partial;
    if (!isPart) return false;
    if (this.#file.digest !== undefined || written.length === 0) return true;
    return mark !== undefined && mark === origin.mark && totalBytes === origin.totalBytes;
  }

  /** Whether it is what other connections are fetching. */
  #fits({ isPart, totalBytes, mark }: FileResponse): boolean {
    const isMarkedSo = this.#file.digest !== undefined || mark === this.#partial.origin.mark;
    return isPart && totalBytes === this.#totalBytes && isMarkedSo;
  }

  async #take({ body, start, end }: FileResponse, backoff: Backoff): Promise<void> {
    const { url, what } = this.#file;
    const writer = new Writer(this.#partial, start);
    try {
      for await (const piece of body as AsyncIterable<Buffer>) {
        if (end !== undefined && writer.end + piece.length > end) {
          throw new ShoalError('BAD_MESSAGE', `${url.hostname} sends more of ${what} than it said.`);
        }
        backoff.renew();
        await writer.push(piece);
        this.#hash.follow(this.#partial.contiguousBytes);
        this.#tell();
      }
      if (end !== undefined && writer.end < end) {
        throw new ShoalError(
          'CONNECT_FAILED',
          `${url.hostname} broke off in the middle of ${what}. Pull again to go on.`,
        );
      }
    } catch (error) {
      throw connectionError(url, error, this.#signal);
    } finally {
      body.destroy();
      await writer.flush();
    }
  }

  #endOfWhole({ end }: FileResponse): number {
    return end ?? totalOf(this.#partial.written);
  }

  #tell(): void {
    this.#options.onProgress?.(totalOf(this.#partial.written), this.#totalBytes);
  }
}
