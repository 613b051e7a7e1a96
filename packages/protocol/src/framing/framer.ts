import { ShoalError } from '../error.ts';

/** Takes one frame's body, which is there only while the call lasts. */
export type FrameHandler = (body: Uint8Array) => void;

/**
 * Cuts a stream of bytes into frame bodies, whatever pieces it arrives in. A fault is final: the stream cannot be
 * trusted any more, and every later push answers with it again.
 */
export interface Framer {
  /** The largest body taken, in bytes, checked before a byte is stored. A taker may change it for what follows. */
  limit: number;
  /** Whether a frame has begun and not ended: the caller's stall timer runs while it has. */
  readonly hasPartialFrame: boolean;
  /** Hands on every frame that these bytes complete, in order. Returns what came after, if that cannot be a frame. */
  push(bytes: Uint8Array, take: FrameHandler): ShoalError | undefined;
  encode(body: Uint8Array): Uint8Array;
}

const OPENING_BRACE = 0x7b;
const JSON_BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Whether a body that begins with this byte can be a JSON object. */
export function canOpenObject(byte: number): boolean {
  return byte === OPENING_BRACE || JSON_BLANKS.has(byte);
}

export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => JSON_BLANKS.has(byte));
}

export const faults = {
  tooLong: (limit: number) => ShoalError.badMessage(`A message may have at most ${limit} bytes.`),
  notAnObject: () => ShoalError.badMessage('A message must be a JSON object.'),
  emptyFrame: () => ShoalError.badMessage('A frame must not be empty.'),
};
