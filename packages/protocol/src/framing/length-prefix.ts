import type { ShoalError } from '../error.ts';
import { Accumulator } from './accumulator.ts';
import { canOpenObject, faults, type Framer, type FrameHandler, type PieceHandler } from './framer.ts';

const HEADER_BYTES = 4;

export interface LengthPrefixOptions {
  readonly endianness: 'little' | 'big';
  /** The largest body, in bytes. */
  readonly limit: number;
  /** The largest body that is stored, in bytes. A larger one is passed on in pieces as it arrives. Default: no limit. */
  readonly storeLimit?: number | undefined;
  /** The meaning of length 0: a fault that ends the stream, or a frame with an empty body. */
  readonly emptyFrame: 'fault' | 'frame';
}

/**
 * A framer for frames of a u32 length followed by that many bytes of a JSON object. The length is checked before a byte of
 * the body is stored. Memory grows with the received bytes, not with the announced length.
 */
export function lengthPrefixFramer(options: LengthPrefixOptions): Framer {
  return new LengthPrefixFramer(options);
}

class LengthPrefixFramer implements Framer {
  limit: number;
  readonly isCuttable = true;
  readonly #littleEndian: boolean;
  readonly #emptyIsFault: boolean;
  readonly #storeLimit: number;
  readonly #header = new Accumulator();
  readonly #body = new Accumulator();
  /** The length in the header. Undefined until the header is complete. */
  #announced: number | undefined;
  /** Bytes of the body that were passed on in pieces. */
  #passedOn = 0;
  #fault: ShoalError | undefined;

  constructor(options: LengthPrefixOptions) {
    this.limit = options.limit;
    this.#littleEndian = options.endianness === 'little';
    this.#emptyIsFault = options.emptyFrame === 'fault';
    this.#storeLimit = options.storeLimit ?? Infinity;
  }

  get hasPartialFrame(): boolean {
    return this.#announced !== undefined || this.#header.length > 0;
  }

  get partialBytes(): number {
    return this.#header.length + this.#body.length;
  }

  get frameBytesMax(): number {
    return this.#announced ?? this.limit;
  }

  push(bytes: Uint8Array, onFrame: FrameHandler, onPiece: PieceHandler = () => {}): ShoalError | undefined {
    let rest = bytes;
    while (this.#fault === undefined) {
      if (this.#announced === undefined) {
        rest = this.#readHeader(rest);
        if (this.#announced === undefined) break;
      }
      const used = this.#readBody(rest, this.#announced, onFrame, onPiece);
      if (used === undefined) break;
      rest = rest.subarray(used);
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
    this.#header.drain((header) => {
      length = new DataView(header.buffer).getUint32(0, this.#littleEndian);
    });
    if (length > this.limit) this.#fault = faults.tooLong(this.limit);
    else if (length === 0 && this.#emptyIsFault) this.#fault = faults.emptyFrame();
    else this.#announced = length;
    return bytes.subarray(missing);
  }

  /** Passes on the body if these bytes complete it, and returns their number. Undefined if it is incomplete or a fault. */
  #readBody(bytes: Uint8Array, announced: number, onFrame: FrameHandler, onPiece: PieceHandler): number | undefined {
    const first = bytes[0];
    const received = this.#body.length + this.#passedOn;
    if (announced > 0 && received === 0 && first !== undefined && !canOpenObject(first)) {
      this.#fault = faults.notAnObject();
      return undefined;
    }
    const used = Math.min(announced - received, bytes.length);
    const piece = bytes.subarray(0, used);
    const isComplete = received + used === announced;
    if (isComplete) this.#announced = undefined;
    if (announced > this.#storeLimit) {
      this.#passedOn = isComplete ? 0 : received + used;
      if (used > 0) onPiece({ bytes: piece, offset: received, length: announced });
    } else if (isComplete && this.#body.length === 0) {
      onFrame(piece);
    } else {
      this.#body.append(piece, announced);
      if (isComplete) this.#body.drain(onFrame);
    }
    return isComplete ? used : undefined;
  }
}
