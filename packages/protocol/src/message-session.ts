import { ShoalError } from './error.ts';
import type { InferenceEvent } from './event.ts';
import { type BodyPiece, type Framer, isLastPiece } from './framing/framer.ts';
import { SkippedBody } from './framing/skipped-body.ts';
import { encodeObject, type JsonObject, parseObject } from './json.ts';
import type { InferenceRequest } from './request.ts';
import type { Output, Session } from './session.ts';

/** A frame that has begun must end within this time. */
export const FRAME_STALL_MS = 30_000;
/** Invalid messages in a row that end the connection. */
export const MAX_BAD_MESSAGES_IN_A_ROW = 16;

/**
 * The parts of a session that all dialects share: frames become messages, a framing fault sends one error and closes, a message
 * fault sends an error and keeps the connection, and a frame that does not end in time closes it.
 */
export abstract class MessageSession<Extension = never> implements Session<Extension> {
  protected readonly framer: Framer;
  readonly #skipped = new SkippedBody();
  #begunAt = Infinity;
  #badInARow = 0;
  #closed = false;

  protected constructor(framer: Framer) {
    this.framer = framer;
  }

  abstract start(now: number): Output<Extension>[];
  abstract respond(id: number, event: InferenceEvent, now: number): Output<Extension>[];
  abstract credit(id: number): number;
  abstract ask(id: number, request: InferenceRequest, now: number): Output<Extension>[];
  abstract abort(id: number): Output<Extension>[];
  abstract consumed(id: number, bytes: number): Output<Extension>[];
  abstract end(): Output<Extension>[];

  /** Parses a frame's body, which is valid only during the call. Throws `BAD_MESSAGE` if it is not a JSON object. */
  protected parse(body: Uint8Array): JsonObject {
    return parseObject(body);
  }

  /** Handles one message of `bytes` bytes. Throws `ShoalError` if it is malformed. */
  protected abstract message(message: JsonObject, bytes: number, now: number): Output<Extension>[];
  /**
   * Handles a piece of a message that is too large to be stored. Throws `ShoalError` at the last one if the message is
   * malformed. By default only the head is kept, for `skipped`.
   */
  protected piece(piece: BodyPiece, now: number): Output<Extension>[] {
    const head = this.#skipped.push(piece);
    return head === undefined ? [] : this.skipped(head, piece.length, now);
  }

  /**
   * Handles the end of a message of `bytes` bytes that was not stored, because this side uses none of that size. `head` has the
   * members in its first `HEAD_BYTES`. Throws the `ShoalError` to answer.
   */
  protected skipped(_head: JsonObject, bytes: number, _now: number): Output<Extension>[] {
    throw ShoalError.badMessage(`A message of ${bytes} bytes is too long.`);
  }

  /** Returns the dialect's error message for a fault; empty if it has none. */
  protected abstract faultMessages(error: ShoalError): Output<Extension>[];
  protected abstract dialectTick(now: number): Output<Extension>[];
  protected abstract get dialectWakeAt(): number;

  get partialBytes(): number {
    return this.framer.partialBytes;
  }

  get messageBytesMax(): number {
    return this.framer.frameBytesMax;
  }

  get isCuttable(): boolean {
    return this.framer.isCuttable;
  }

  fail(error: ShoalError): Output<Extension>[] {
    return this.#closed ? [] : this.close(error);
  }

  receive(bytes: Uint8Array, now: number): Output<Extension>[] {
    if (this.#closed) return [];
    const outputs: Output<Extension>[] = [];
    let isNewFrame = false;
    const fault = this.framer.push(
      bytes,
      (body) => {
        isNewFrame = true;
        outputs.push(
          ...this.#handle(true, () => withBytes(this.message(this.parse(body), body.length, now), body.length)),
        );
      },
      (piece) => {
        if (isLastPiece(piece)) isNewFrame = true;
        outputs.push(...this.#handle(isLastPiece(piece), () => this.piece(piece, now)));
      },
    );
    if (fault !== undefined && !this.#closed) outputs.push(...this.close(fault));
    if (!this.framer.hasPartialFrame) this.#begunAt = Infinity;
    else if (isNewFrame || this.#begunAt === Infinity) this.#begunAt = now;
    return outputs;
  }

  tick(now: number): Output<Extension>[] {
    if (this.#closed) return [];
    if (now >= this.#begunAt + FRAME_STALL_MS) {
      return this.close(ShoalError.badMessage(`A message that began must end within ${FRAME_STALL_MS / 1000} s.`));
    }
    return this.dialectTick(now);
  }

  get wakeAt(): number {
    return this.#closed ? Infinity : Math.min(this.#begunAt + FRAME_STALL_MS, this.dialectWakeAt);
  }

  /** True after the session has closed the connection: nothing more is sent. */
  protected get isClosed(): boolean {
    return this.#closed;
  }

  /** Sends the error, closes, and ignores everything that the peer sends afterwards. */
  protected close(error: ShoalError): Output<Extension>[] {
    this.#closed = true;
    return [...this.faultMessages(error), { type: 'close', error }];
  }

  protected send(message: object): Output {
    return { type: 'send', bytes: this.framer.encode(encodeObject(message)) };
  }

  #handle(isWhole: boolean, handle: () => Output<Extension>[]): Output<Extension>[] {
    if (this.#closed) return [];
    try {
      const outputs = handle();
      if (isWhole) this.#badInARow = 0;
      return outputs;
    } catch (thrown) {
      const error = ShoalError.from(thrown);
      this.#badInARow += 1;
      return this.#badInARow >= MAX_BAD_MESSAGES_IN_A_ROW ? this.close(error) : this.faultMessages(error);
    }
  }
}

/** Returns the outputs with the size of their message in requests. Most messages are parts of answers: no list is copied for them. */
function withBytes<Extension>(outputs: Output<Extension>[], bytes: number): Output<Extension>[] {
  if (!outputs.some(({ type }) => type === 'request')) return outputs;
  return outputs.map((output) => (output.type === 'request' ? { ...output, bytes } : output));
}
