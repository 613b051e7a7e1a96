import type { ShoalError } from './error.ts';
import type { InferenceEvent } from './event.ts';
import type { BodyPiece } from './framing/framer.ts';
import type { JsonObject } from './json.ts';
import type { InferenceRequest } from './request.ts';
import type { Output } from './session.ts';

/**
 * One side of a dialect, server or client: a state machine over whole messages. A peer can be both on one connection; the
 * session passes each message to the side that handles its type.
 */
interface Side<Extension = never> {
  /** Handles a message. Returns undefined if its type is not one of this side's. Throws `ShoalError` if it is malformed. */
  message(message: JsonObject, bytes: number, now: number): Output<Extension>[] | undefined;
  /** Call when the connection is gone. */
  end(): Output<Extension>[];
}

export interface ServerSide<Extension = never> extends Side<Extension> {
  respond(id: number, event: InferenceEvent, now: number): Output<Extension>[];
  credit(id: number): number;
}

export interface ClientSide extends Side {
  ask(id: number, request: InferenceRequest, now: number): Output[];
  abort(id: number): Output[];
  consumed(id: number, bytes: number): Output[];
  /** Call for each message of the peer, whichever side handles it. */
  messageReceived?(now: number): void;
  tick(now: number): Output[];
  readonly wakeAt: number;
}

/** Further members of a side that is alone on its connection: see `ServerSession` and `ClientSession`. */
interface SessionSide<Extension = never> {
  /** Call when the connection is open. Returns the greeting if the dialect has one. */
  start(now: number): Output<Extension>[];
  /** Returns the dialect's error message for a fault of the peer; empty if it has none. */
  fault(error: ShoalError): Output<Extension>[];
  /** Parses a body in place of the JSON parser. Undefined leaves the body to that. Throws `BAD_MESSAGE`. */
  parse?(body: Uint8Array): JsonObject | undefined;
  /**
   * Handles a piece of a message above the framer's `storeLimit`. Undefined leaves all pieces of this message to the session,
   * which skips them.
   */
  piece?(piece: BodyPiece, now: number): Output<Extension>[] | undefined;
  /** Answers a message that was skipped: see `MessageSession.skipped`. Undefined if it is a fault of the message. */
  skipped?(head: JsonObject, bytes: number, now: number): Output<Extension>[] | undefined;
  /** Returns the dialect's error for a message of an unknown type. */
  unknown?(type: string): ShoalError;
  tick(now: number): Output<Extension>[];
  readonly wakeAt: number;
}

export interface ServerSessionSide<Extension = never> extends ServerSide<Extension>, SessionSide<Extension> {}
export interface ClientSessionSide extends ClientSide, SessionSide {}

/** Encodes a message. `bytes` is the frame; `size`, which credits count, is the length of the JSON text in bytes. */
export type MessageEncoder = (message: object) => { readonly bytes: Uint8Array; readonly size: number };
