import type { PartialFile } from './partial-file.ts';

/** Bytes that each connection collects before a write. */
const WRITE_BYTES = 1024 * 1024;

/** Collects received pieces into larger writes, and accepts more while one is in progress. */
export class Writer {
  readonly #partial: PartialFile;
  #position: number;
  #pieces: Buffer[] = [];
  #length = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(partial: PartialFile, start: number) {
    this.#partial = partial;
    this.#position = start;
  }

  /** The file position after the last piece. */
  get end(): number {
    return this.#position + this.#length;
  }

  async push(piece: Buffer): Promise<void> {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length >= WRITE_BYTES) await this.#write();
  }

  async flush(): Promise<void> {
    await this.#write();
    await this.#writing;
  }

  async #write(): Promise<void> {
    await this.#writing;
    const [pieces, position] = [this.#pieces, this.#position];
    this.#position += this.#length;
    this.#pieces = [];
    this.#length = 0;
    this.#writing = this.#partial.write(pieces, position);
    // The next write or flush awaits it. Until then it must not count as an unhandled rejection.
    this.#writing.catch(() => undefined);
  }
}
