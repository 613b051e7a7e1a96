import type { InferenceEvent } from './event.ts';
import type { JsonObject } from './json.ts';
import type { InferenceRequest } from './request.ts';
import type { Output } from './session.ts';

/**
 * A dialect has two sides, and a peer can be both on one connection: each is a state machine over whole messages, and
 * a session hands each message to the side that knows its type.
 */
interface Side {
  /** Undefined where the message's type is none of this side's. Throws `ShoalError` for a message fault. */
  message(message: JsonObject, bytes: number, now: number): Output[] | undefined;
  /** The connection is gone. */
  end(): Output[];
}

export interface ServerSide extends Side {
  respond(id: number, event: InferenceEvent): Output[];
  credit(id: number): number;
}

export interface ClientSide extends Side {
  ask(id: number, request: InferenceRequest, now: number): Output[];
  abort(id: number): Output[];
  consumed(id: number, bytes: number): Output[];
  tick(now: number): Output[];
  readonly wakeAt: number;
}

/** How a side writes a message: the bytes for the peer, and the size that credits count (the JSON text alone). */
export type MessageEncoder = (message: object) => { readonly bytes: Uint8Array; readonly size: number };
