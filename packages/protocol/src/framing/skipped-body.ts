import type { JsonObject } from '../json.ts';
import { readHead } from '../json-head.ts';
import { Accumulator } from './accumulator.ts';
import { type BodyPiece, isLastPiece } from './framer.ts';

/** The first bytes of a body that are kept to tell what the message is. The ids that dialects allow fit them. */
export const HEAD_BYTES = 4096;

/** Drops bodies that arrive in pieces, one after the other, except their heads. */
export class SkippedBody {
  readonly #head = new Accumulator();

  /**
   * Takes the next piece. The last one of a body returns the members that are complete in its head. Throws `BAD_MESSAGE` then
   * if the head is not the beginning of a JSON object.
   */
  push(piece: BodyPiece): JsonObject | undefined {
    this.#head.append(piece.bytes.subarray(0, HEAD_BYTES - this.#head.length), HEAD_BYTES);
    if (!isLastPiece(piece)) return undefined;
    let members: JsonObject = {};
    this.#head.drain((head) => {
      members = readHead(head).members;
    });
    return members;
  }
}
