import type { ShoalError } from './error.ts';
import type { InferenceEvent } from './event.ts';
import type { JsonObject } from './json.ts';
import type { InferenceRequest } from './request.ts';
import type { Output } from './session.ts';

/**
 * A dialect has two sides, and a peer can be both on one connection: each is a state machine over whole messages, and
 * a session hands each message to the side that knows its type.
 */
interface Side<Extension = never> {
  /** Undefined where the message's type is none of this side's. Throws `ShoalError` for a message fault. */
  message(message: JsonObject, bytes: number, now: number): Output<Extension>[] | undefined;
  /** The connection is gone. */
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
  /** A message of the peer has arrived, whichever side it is for. */
  messageReceived?(now: number): void;
  tick(now: number): Output[];
  readonly wakeAt: number;
}

/** What a side must do besides where it has its connection for itself: see `ServerSession` and `ClientSession`. */
interface SessionSide<Extension = never> {
  /** The connection is open: the greeting, where the dialect has one. */
  start(now: number): Output<Extension>[];
  /** The dialect's words for a fault of the peer, where it has any. */
  fault(error: ShoalError): Output<Extension>[];
  /** Reads a body in place of the usual parser; undefined leaves it to that. Throws `BAD_MESSAGE`. */
  parse?(body: Uint8Array): JsonObject | undefined;
  /** The error of a message whose type is none of this side's, where the dialect has one of its own for that. */
  unknown?(type: string): ShoalError;
  tick(now: number): Output<Extension>[];
  readonly wakeAt: number;
}

export interface ServerSessionSide<Extension = never> extends ServerSide<Extension>, SessionSide<Extension> {}
export interface ClientSessionSide extends ClientSide, SessionSide {}

/** How a side writes a message: the bytes for the peer, and the size that credits count (the JSON text alone). */
export type MessageEncoder = (message: object) => { readonly bytes: Uint8Array; readonly size: number };
