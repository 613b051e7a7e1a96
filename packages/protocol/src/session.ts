import type { ShoalError } from './error.ts';
import type { InferenceEvent } from './event.ts';
import type { ModelInfo } from './model.ts';
import type { InferenceRequest } from './request.ts';

/** What a peer can take, as it says of itself. */
export interface PeerCapacity {
  /** Generations that run at once. */
  readonly slots: number;
  /** Requests that wait at most. */
  readonly queue: number;
}

/** A peer's health and load, as it says of itself. */
export interface PeerStatus {
  /** 0 to 100; the formula is QMesh's. */
  readonly health: number;
  readonly active: number;
  readonly queued: number;
  readonly slots: number;
  /** Tokens per second that its recent generations reached; absent until it has run one. */
  readonly tokensPerSecond?: number | undefined;
}

/** Who is at the other end, as far as its dialect tells. */
export interface PeerInfo {
  readonly dialect: string;
  /** Its name for people; empty where it never said one. */
  readonly name: string;
  /** Its public key in hex, where the dialect tells it. Only the transport can say whether that is true. */
  readonly id?: string | undefined;
  /** The clusters that it lists; undefined for a peer that sent no hello. */
  readonly clusters?: readonly string[] | undefined;
  readonly models: readonly ModelInfo[];
  /** Whether it answers others' prompts; undefined where its dialect does not tell. */
  readonly lends?: boolean | undefined;
  readonly capacity?: PeerCapacity | undefined;
  readonly status?: PeerStatus | undefined;
}

/**
 * What a session wants done, in this order. `Extension` is the event type of a dialect that carries more than requests
 * and answers; `never` for all others.
 */
export type Output<Extension = never> =
  /** Give these bytes to the peer. */
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  /** The peer said who it is, or how it fares. */
  | { readonly type: 'peer'; readonly peer: PeerInfo }
  /** The peer asks for an answer: `respond` with events under this id. */
  | { readonly type: 'request'; readonly id: number; readonly request: InferenceRequest }
  /** An event that only this dialect has: the owner of the link handles it. */
  | { readonly type: 'extension'; readonly event: Extension }
  /** The peer takes its request back, or is gone: nothing more needs to be said under this id. */
  | { readonly type: 'abort'; readonly id: number }
  /** The peer lets more be said under this id: `credit` grew. */
  | { readonly type: 'credit'; readonly id: number }
  /** A piece of the answer to what we asked under this id; `bytes` is its size on the wire, for `consumed`. */
  | { readonly type: 'event'; readonly id: number; readonly event: InferenceEvent; readonly bytes: number }
  /** Flush what was sent, then close within `CLOSE_GRACE_MS`. */
  | { readonly type: 'close'; readonly error?: ShoalError | undefined };

/**
 * One connection's protocol state, without I/O: bytes and the time go in, outputs come out. Times are milliseconds of
 * one monotonic clock, which stands still while the peer is not read (`Link.now`). Ids are numbers that the asking side of *this* interface chooses or receives; what stands on the
 * wire is the session's own affair. A session never throws for anything that a peer sent.
 */
export interface Session<Extension = never> {
  /** Call once, when the connection is open. */
  start(now: number): Output<Extension>[];
  receive(bytes: Uint8Array, now: number): Output<Extension>[];
  /** Call when `wakeAt` has come. */
  tick(now: number): Output<Extension>[];
  /** When `tick` is wanted next; `Infinity` for never. */
  readonly wakeAt: number;
  /** The connection is gone: ends every open request, ours with `WORKER_LOST`, the peer's with `abort`. */
  end(): Output<Extension>[];

  /**
   * Serving: says one event of the answer to request `id`, a text of at most `TEXT_LENGTH_MAX`. Ignored once that answer
   * has ended.
   */
  respond(id: number, event: InferenceEvent, now: number): Output<Extension>[];
  /** Serving: how many more bytes of this answer the peer lets come; `Infinity` where its dialect has no credits. */
  credit(id: number): number;

  /** Asking: `id` must be new. Throws `ShoalError` where the dialect cannot carry the request, or it is too large. */
  ask(id: number, request: InferenceRequest, now: number): Output<Extension>[];
  /** Asking: takes a request back. Its terminal event is `finish` with reason `abort`, and comes at once. */
  abort(id: number): Output<Extension>[];
  /** Asking: the reader took this many bytes of the answer, so that more may come. */
  consumed(id: number, bytes: number): Output<Extension>[];
}

/** How long a closing connection may take to flush. */
export const CLOSE_GRACE_MS = 1_000;
