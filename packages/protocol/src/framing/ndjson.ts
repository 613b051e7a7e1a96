import b4a from 'b4a';
import type { ShoalError } from '../error.ts';
import { Accumulator } from './accumulator.ts';
import { canOpenObject, faults, type Framer, type FrameHandler, isBlank } from './framer.ts';

const NEWLINE = 0x0a;

/** A framer for lines of one JSON object each. It skips blank lines and rejects other lines at their first byte. */
export function ndjsonFramer(limit: number): Framer {
  return new NdjsonFramer(limit);
}

class NdjsonFramer implements Framer {
  limit: number;
  readonly isCuttable = true;
  readonly #line = new Accumulator();
  #fault: ShoalError | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  get hasPartialFrame(): boolean {
    return this.#line.length > 0;
  }

  get partialBytes(): number {
    return this.#line.length;
  }

  get frameBytesMax(): number {
    return this.limit;
  }

  push(bytes: Uint8Array, onFrame: FrameHandler): ShoalError | undefined {
    let start = 0;
    while (start < bytes.length && this.#fault === undefined) {
      const newline = bytes.indexOf(NEWLINE, start);
      const piece = bytes.subarray(start, newline === -1 ? bytes.length : newline);
      this.#fault = this.#check(piece);
      if (this.#fault !== undefined) break;
      if (newline === -1) {
        this.#line.append(piece, this.limit);
        break;
      }
      this.#complete(piece, (line) => {
        if (!isBlank(line)) onFrame(line);
      });
      start = newline + 1;
    }
    return this.#fault;
  }

  encode(body: Uint8Array): Uint8Array {
    const line = b4a.allocUnsafe(body.length + 1);
    line.set(body);
    line[body.length] = NEWLINE;
    return line;
  }

  #check(piece: Uint8Array): ShoalError | undefined {
    const first = piece[0];
    if (this.#line.length === 0 && first !== undefined && !canOpenObject(first)) return faults.notAnObject();
    if (this.#line.length + piece.length > this.limit) return faults.tooLong(this.limit);
    return undefined;
  }

  #complete(piece: Uint8Array, onFrame: FrameHandler): void {
    if (this.#line.length === 0) return onFrame(piece);
    this.#line.append(piece, this.limit);
    this.#line.drain(onFrame);
  }
}
