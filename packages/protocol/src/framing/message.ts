import type { ShoalError } from '../error.ts';
import { canOpenObject, faults, type Framer, type FrameHandler } from './framer.ts';

/** For transports that keep messages whole, as WebSocket does: every push is one frame. */
export function messageFramer(limit: number): Framer {
  return new MessageFramer(limit);
}

class MessageFramer implements Framer {
  limit: number;
  readonly hasPartialFrame = false;
  #fault: ShoalError | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(bytes: Uint8Array, take: FrameHandler): ShoalError | undefined {
    if (this.#fault === undefined && bytes.length > this.limit) this.#fault = faults.tooLong(this.limit);
    const first = bytes[0];
    if (this.#fault === undefined && (first === undefined || !canOpenObject(first))) this.#fault = faults.notAnObject();
    if (this.#fault === undefined) take(bytes);
    return this.#fault;
  }

  encode(body: Uint8Array): Uint8Array {
    return body;
  }
}
