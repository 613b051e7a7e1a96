import type { PartialFile } from './partial-file.ts';

/** Gathered before it is written, for each connection. */
const WRITE_BYTES = 1024 * 1024;

/** Gathers what comes into larger writes, and receives the next while one is under way. */
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

  /** How far it has come in the file. */
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
    // Awaited by the next write or by the flush: until then it must not count as unhandled.
    this.#writing.catch(() => undefined);
  }
}
