import type { ShoalError } from '../error.ts';
import { canOpenObject, faults, type Framer, type FrameHandler } from './framer.ts';

/** A framer for transports that preserve message boundaries, such as WebSocket. Every push is one frame. */
export function messageFramer(limit: number): Framer {
  return new MessageFramer(limit);
}

class MessageFramer implements Framer {
  limit: number;
  readonly hasPartialFrame = false;
  readonly partialBytes = 0;
  readonly isCuttable = false;
  #fault: ShoalError | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  get frameBytesMax(): number {
    return this.limit;
  }

  push(bytes: Uint8Array, onFrame: FrameHandler): ShoalError | undefined {
    if (this.#fault === undefined && bytes.length > this.limit) this.#fault = faults.tooLong(this.limit);
    const first = bytes[0];
    if (this.#fault === undefined && (first === undefined || !canOpenObject(first))) this.#fault = faults.notAnObject();
    if (this.#fault === undefined) onFrame(bytes);
    return this.#fault;
  }

  encode(body: Uint8Array): Uint8Array {
    return body;
  }
}
