import { ShoalError } from '../error.ts';

/** Receives the body of one frame. The bytes are valid only during the call. */
export type FrameHandler = (body: Uint8Array) => void;

/** A part of the body of a frame that is not stored. */
export interface BodyPiece {
  /** Not empty, and valid only during the call. */
  readonly bytes: Uint8Array;
  /** The place of the bytes in the body. */
  readonly offset: number;
  /** The bytes of the whole body. */
  readonly length: number;
}

/** Receives a body that is not stored, piece by piece. */
export type PieceHandler = (piece: BodyPiece) => void;

export function isLastPiece({ bytes, offset, length }: BodyPiece): boolean {
  return offset + bytes.length === length;
}

/**
 * Splits a stream of bytes, in pieces of any size, into the bodies of frames. A fault is final: every later `push` returns
 * it again.
 */
export interface Framer {
  /** The largest body, in bytes, checked before a byte is stored. A frame handler may change it for later frames. */
  limit: number;
  /** True if the last frame is incomplete. Its sender has limited time to complete it. */
  readonly hasPartialFrame: boolean;
  /** Bytes of the incomplete frame that are stored. */
  readonly partialBytes: number;
  /** The most bytes that the body of the frame can have which has begun, or else of the next one. */
  readonly frameBytesMax: number;
  /** True if the stream may be cut anywhere. False if every push must be one whole frame. */
  readonly isCuttable: boolean;
  /**
   * Passes on every frame that these bytes complete, in order, and the pieces of those that are not stored. Returns the fault
   * of bytes that cannot be a frame.
   */
  push(bytes: Uint8Array, onFrame: FrameHandler, onPiece?: PieceHandler): ShoalError | undefined;
  encode(body: Uint8Array): Uint8Array;
}

const OPENING_BRACE = 0x7b;
const JSON_BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** True if a body that begins with this byte can be a JSON object. */
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
