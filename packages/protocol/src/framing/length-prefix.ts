import type { ShoalError } from '../error.ts';
import { Accumulator } from './accumulator.ts';
import { canOpenObject, faults, type Framer, type FrameHandler } from './framer.ts';

const HEADER_BYTES = 4;

export interface LengthPrefixOptions {
  readonly endianness: 'little' | 'big';
  /** The largest body, in bytes. */
  readonly limit: number;
  /** What a length of 0 is: the end of the stream's good faith, or a frame that merely holds no message. */
  readonly emptyFrame: 'fault' | 'frame';
}

/**
 * A u32 length, then that many bytes of a JSON object. The length is checked before a byte of the body is stored, and
 * memory grows with what has arrived, never with what was announced.
 */
export function lengthPrefixFramer(options: LengthPrefixOptions): Framer {
  return new LengthPrefixFramer(options);
}

class LengthPrefixFramer implements Framer {
  limit: number;
  readonly #littleEndian: boolean;
  readonly #emptyIsFault: boolean;
  readonly #header = new Accumulator();
  readonly #body = new Accumulator();
  /** The length that the header announced; undefined until it is whole. */
  #announced: number | undefined;
  #fault: ShoalError | undefined;

  constructor(options: LengthPrefixOptions) {
    this.limit = options.limit;
    this.#littleEndian = options.endianness === 'little';
    this.#emptyIsFault = options.emptyFrame === 'fault';
  }

  get hasPartialFrame(): boolean {
    return this.#announced !== undefined || this.#header.length > 0;
  }

  push(bytes: Uint8Array, take: FrameHandler): ShoalError | undefined {
    let rest = bytes;
    while (this.#fault === undefined) {
      if (this.#announced === undefined) {
        rest = this.#readHeader(rest);
        if (this.#announced === undefined) break;
      }
      const taken = this.#readBody(rest, take);
      if (taken === undefined) break;
      rest = rest.subarray(taken);
    }
    return this.#fault;
  }

  encode(body: Uint8Array): Uint8Array {
    const frame = new Uint8Array(HEADER_BYTES + body.length);
    new DataView(frame.buffer).setUint32(0, body.length, this.#littleEndian);
    frame.set(body, HEADER_BYTES);
    return frame;
  }

  #readHeader(bytes: Uint8Array): Uint8Array {
    const missing = HEADER_BYTES - this.#header.length;
    this.#header.append(bytes.subarray(0, missing), HEADER_BYTES);
    if (this.#header.length < HEADER_BYTES) return bytes.subarray(bytes.length);
    let length = 0;
    this.#header.take((header) => {
      length = new DataView(header.buffer).getUint32(0, this.#littleEndian);
    });
    if (length > this.limit) this.#fault = faults.tooLong(this.limit);
    else if (length === 0 && this.#emptyIsFault) this.#fault = faults.emptyFrame();
    else this.#announced = length;
    return bytes.subarray(missing);
  }

  /** Hands on the body that these bytes complete. How many of them it took; undefined where it is not whole, or a fault. */
  #readBody(bytes: Uint8Array, take: FrameHandler): number | undefined {
    const announced = this.#announced ?? 0;
    const first = bytes[0];
    if (announced > 0 && this.#body.length === 0 && first !== undefined && !canOpenObject(first)) {
      this.#fault = faults.notAnObject();
      return undefined;
    }
    const taken = Math.min(announced - this.#body.length, bytes.length);
    const piece = bytes.subarray(0, taken);
    if (this.#body.length + taken < announced) {
      this.#body.append(piece, announced);
      return undefined;
    }
    this.#announced = undefined;
    if (this.#body.length === 0) {
      take(piece);
    } else {
      this.#body.append(piece, announced);
      this.#body.take(take);
    }
    return taken;
  }
}
