import b4a from 'b4a';

/** Text that is decoded at a time. Short strings are collected early; strings of a megabyte stay until a full collection. */
const SLICE_BYTES = 64 * 1024;
/** Characters that stand for three bytes. */
const QUAD = 4;
const PAD = 0x3d;

/**
 * Decodes padded standard base64 (RFC 4648, section 4) in ASCII. Returns undefined for anything else. The decoder skips
 * invalid characters, which the length shows. It also accepts the URL alphabet, which needs a check of its own.
 */
export function decodeBase64(text: Uint8Array): Uint8Array | undefined {
  if (text.length % QUAD !== 0) return undefined;
  const decoded = b4a.alloc((text.length / QUAD) * 3 - padding(text));
  return decodeInto(decoded, 0, text) === undefined ? undefined : decoded;
}

/** Decodes whole quads to `target`, which must have room, at `at`. Returns the number of bytes; undefined if it is not base64. */
function decodeInto(target: Uint8Array, at: number, text: Uint8Array): number | undefined {
  let length = 0;
  for (let from = 0; from < text.length; from += SLICE_BYTES) {
    const slice = text.subarray(from, from + SLICE_BYTES);
    const isLast = from + slice.length === text.length;
    const expected = (slice.length / QUAD) * 3 - (isLast ? padding(slice) : 0);
    const characters = b4a.toString(slice, 'latin1');
    if (characters.includes('-') || characters.includes('_')) return undefined;
    if (b4a.write(target, characters, at + length, expected, 'base64') !== expected) return undefined;
    length += expected;
  }
  return length;
}

function padding(text: Uint8Array): number {
  const [beforeLast, last] = [text.at(-2), text.at(-1)];
  return last !== PAD ? 0 : beforeLast === PAD ? 2 : 1;
}

/** Decodes base64 that arrives in pieces of any size into blocks of equal size. */
export class Base64Stream {
  readonly #blockBytes: number;
  #block: Uint8Array<ArrayBuffer> | undefined;
  #used = 0;
  /** The characters of an incomplete quad. */
  #rest: Uint8Array = new Uint8Array(0);
  #blocks: Uint8Array[] = [];
  #isPadded = false;
  #isBad = false;

  /** `characters` is the longest text that is expected, and `mostBytes` the size of the largest block. */
  constructor(characters: number, mostBytes: number) {
    const quads = Math.ceil(characters / QUAD);
    const mostQuads = Math.floor(mostBytes / 3);
    this.#blockBytes = 3 * Math.max(1, Math.ceil(quads / Math.max(1, Math.ceil(quads / mostQuads))));
  }

  /** True if the text so far cannot be base64. */
  get isBad(): boolean {
    return this.#isBad;
  }

  push(text: Uint8Array): void {
    if (text.length === 0 || this.#isBad) return;
    let rest = text;
    if (this.#rest.length > 0) {
      const missing = QUAD - this.#rest.length;
      this.#rest = b4a.concat([this.#rest, text.subarray(0, missing)]);
      if (this.#rest.length < QUAD) return;
      this.#decode(this.#rest);
      rest = text.subarray(missing);
    }
    const whole = rest.length - (rest.length % QUAD);
    this.#decode(rest.subarray(0, whole));
    // A copy: `slice` of Node's buffers would share the memory of the piece.
    this.#rest = new Uint8Array(rest.subarray(whole));
  }

  /** Call after the last piece. */
  end(): void {
    if (this.#rest.length > 0) this.#isBad = true;
    this.#finishBlock();
  }

  /** Returns the blocks that are complete, which are the caller's from then on. */
  take(): Uint8Array[] {
    const blocks = this.#blocks;
    this.#blocks = [];
    return blocks;
  }

  #decode(quads: Uint8Array): void {
    for (let from = 0; from < quads.length && !this.#isBad;) {
      const block = (this.#block ??= new Uint8Array(this.#blockBytes));
      const slice = quads.subarray(from, from + ((block.length - this.#used) / 3) * QUAD);
      const length = this.#isPadded ? undefined : decodeInto(block, this.#used, slice);
      if (length === undefined) return this.#fail();
      this.#isPadded = slice.at(-1) === PAD;
      this.#used += length;
      from += slice.length;
      if (this.#used === block.length) this.#finishBlock();
    }
  }

  #finishBlock(): void {
    const [block, used] = [this.#block, this.#used];
    this.#block = undefined;
    this.#used = 0;
    // A block that fills its buffer can be freed when it is written.
    if (block !== undefined && used > 0) this.#blocks.push(new Uint8Array(block.buffer.transfer(used)));
  }

  #fail(): void {
    this.#isBad = true;
    this.#block = undefined;
    this.#blocks = [];
  }
}
