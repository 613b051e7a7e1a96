import { ShoalError } from './error.ts';
import type { InferenceEvent } from './event.ts';
import type { Framer } from './framing/framer.ts';
import { encodeObject, type JsonObject, parseObject } from './json.ts';
import type { InferenceRequest } from './request.ts';
import type { Output, Session } from './session.ts';

/** A frame that has begun must end within this time. */
export const FRAME_STALL_MS = 30_000;
/** So many messages in a row that cannot be taken end the connection. */
export const MAX_BAD_MESSAGES_IN_A_ROW = 16;

/**
 * What is the same in every dialect: frames become messages, a framing fault says one error and closes, a message fault
 * says its error and keeps the connection, and a frame that never ends is given up.
 */
export abstract class MessageSession<Extension = never> implements Session<Extension> {
  protected readonly framer: Framer;
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

  /** A frame's body, which is there only while the call lasts. Throws `BAD_MESSAGE` for what is no JSON object. */
  protected parse(body: Uint8Array): JsonObject {
    return parseObject(body);
  }

  /** One message of `bytes` bytes. Throws `ShoalError` for a message fault. */
  protected abstract message(message: JsonObject, bytes: number, now: number): Output<Extension>[];
  /** The dialect's words for a fault, where it has any. */
  protected abstract faultMessages(error: ShoalError): Output<Extension>[];
  protected abstract dialectTick(now: number): Output<Extension>[];
  protected abstract get dialectWakeAt(): number;

  receive(bytes: Uint8Array, now: number): Output<Extension>[] {
    if (this.#closed) return [];
    const outputs: Output<Extension>[] = [];
    let isNewFrame = false;
    const fault = this.framer.push(bytes, (body) => {
      isNewFrame = true;
      if (!this.#closed) outputs.push(...this.#take(body, now));
    });
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

  /** Says the fault in the dialect's words and takes nothing more. */
  protected close(error: ShoalError): Output<Extension>[] {
    this.#closed = true;
    return [...this.faultMessages(error), { type: 'close', error }];
  }

  protected send(message: object): Output {
    return { type: 'send', bytes: this.framer.encode(encodeObject(message)) };
  }

  #take(body: Uint8Array, now: number): Output<Extension>[] {
    try {
      const outputs = this.message(this.parse(body), body.length, now);
      this.#badInARow = 0;
      return outputs;
    } catch (thrown) {
      const error = ShoalError.from(thrown);
      this.#badInARow += 1;
      return this.#badInARow >= MAX_BAD_MESSAGES_IN_A_ROW ? this.close(error) : this.faultMessages(error);
    }
  }
}
