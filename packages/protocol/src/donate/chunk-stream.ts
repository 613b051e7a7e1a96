import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import { Accumulator } from '../framing/accumulator.ts';
import { HEAD_BYTES } from '../framing/skipped-body.ts';
import type { JsonObject } from '../json.ts';
import { parseObject } from '../json.ts';
import { readHead } from '../json-head.ts';
import { Base64Stream } from './base64.ts';
import { JsonStringStream } from './json-string-stream.ts';

/** The largest piece of a model that is passed on at once, in bytes. */
export const BLOCK_BYTES = 256 * 1024;
/** Bytes of a chunk behind its data. */
const TAIL_BYTES = 4096;

/** The key and the first quote of the data, behind the complete members of a head. */
const DATA_PATTERN = /^[ \t\n\r]*"data_b64"[ \t\n\r]*:[ \t\n\r]*"/;

/** Where the next byte of a body belongs. */
type Place = 'head' | 'data' | 'tail' | 'ignored';

/**
 * Reads the body of one large frame as it arrives. The data of a chunk is decoded into blocks, wherever its field is; of
 * anything else only the head is kept.
 */
export class ChunkStream {
  readonly #length: number;
  readonly #head = new Accumulator();
  readonly #tail = new Accumulator();
  readonly #string = new JsonStringStream();
  #place: Place = 'head';
  #members: JsonObject | undefined;
  /** The text in front of the data, its first quote included. */
  #beforeData: Uint8Array | undefined;
  #data: Base64Stream | undefined;
  #fault: ShoalError | undefined;

  /** `length` is that of the body, in bytes. */
  constructor(length: number) {
    this.#length = length;
  }

  /** The members in front of the data, or in the head of another message. Undefined until the head has arrived. */
  get members(): JsonObject | undefined {
    return this.#members;
  }

  /** True if the head ends within a string `data_b64`. */
  get hasData(): boolean {
    return this.#beforeData !== undefined;
  }

  /** The fault of the message, if it is known before its end. */
  get fault(): ShoalError | undefined {
    return this.#fault;
  }

  /** True if the data so far cannot be base64. */
  get isBadData(): boolean {
    return this.#data?.isBad === true;
  }

  push(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(this.#read(rest));
  }

  /** Returns the blocks of data that are complete. Each is the caller's from then on. */
  take(): Uint8Array[] {
    return this.#data?.take() ?? [];
  }

  /** Stops decoding. The data is read to its end and dropped. */
  dropData(): void {
    this.#data = undefined;
  }

  /** Call after the last byte. Returns the message with empty data. Throws `BAD_MESSAGE` if it is not valid JSON. */
  end(): JsonObject {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#beforeData === undefined || !this.#string.isOver)
      throw ShoalError.badMessage('A message must be valid JSON.');
    this.#data?.end();
    return parseObject(b4a.concat([this.#beforeData, b4a.from('"'), drained(this.#tail)]));
  }

  /** Returns the number of bytes that were used, at least one. */
  #read(bytes: Uint8Array): number {
    switch (this.#place) {
      case 'head':
        return this.#readHead(bytes);
      case 'data': {
        const { text, used } = this.#string.push(bytes);
        this.#data?.push(text);
        if (this.#string.isOver) this.#place = 'tail';
        return used;
      }
      case 'tail':
        if (this.#tail.length + bytes.length > TAIL_BYTES) {
          this.#fault = ShoalError.badMessage(`A chunk may have at most ${TAIL_BYTES} bytes behind its data.`);
          this.#place = 'ignored';
        } else this.#tail.append(bytes, TAIL_BYTES);
        return bytes.length;
      case 'ignored':
        return bytes.length;
      default:
        return this.#place satisfies never;
    }
  }

  #readHead(bytes: Uint8Array): number {
    const piece = bytes.subarray(0, HEAD_BYTES - this.#head.length);
    this.#head.append(piece, HEAD_BYTES);
    if (this.#head.length < HEAD_BYTES) return piece.length;
    this.#place = 'ignored';
    const head = drained(this.#head);
    try {
      const { members, end } = readHead(head);
      this.#members = members;
      const key = DATA_PATTERN.exec(b4a.toString(head.subarray(end), 'latin1'))?.[0];
      if (key === undefined) return piece.length;
      const start = end + key.length;
      this.#beforeData = head.subarray(0, start);
      this.#data = new Base64Stream(this.#length - start, BLOCK_BYTES);
      this.#place = 'data';
      this.push(head.subarray(start));
    } catch (thrown) {
      this.#members = {};
      this.#fault = ShoalError.from(thrown);
    }
    return piece.length;
  }
}

/** Returns a copy of the bytes and empties the accumulator. */
function drained(accumulator: Accumulator): Uint8Array {
  let copy = new Uint8Array(0);
  accumulator.drain((bytes) => (copy = new Uint8Array(bytes)));
  return copy;
}
