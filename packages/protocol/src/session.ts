import type { ShoalError } from './error.ts';
import type { InferenceEvent } from './event.ts';
import type { ModelInfo } from './model.ts';
import type { InferenceRequest } from './request.ts';

/** The capacity that a peer announces. */
export interface PeerCapacity {
  /** Generations that run at once. */
  readonly slots: number;
  /** Requests that may wait. */
  readonly queue: number;
}

/** The health and load that a peer announces. */
export interface PeerStatus {
  /** 0 to 100, by QMesh's formula. */
  readonly health: number;
  readonly active: number;
  readonly queued: number;
  readonly slots: number;
  /** Tokens per second of its recent generations. Undefined before the first one. */
  readonly tokensPerSecond?: number | undefined;
  /** The ids of lent models that cannot answer now, because their engine has failed and is started again. Undefined: none. */
  readonly unavailable?: readonly string[] | undefined;
}

/** The peer of a connection, as far as its dialect describes it. */
export interface PeerInfo {
  readonly dialect: string;
  /** A name for people; empty if the peer has sent none. */
  readonly name: string;
  /** The public key that the peer claims, in hex. Only the transport can prove it. Undefined if the dialect has none. */
  readonly id?: string | undefined;
  /** The clusters in its hello. Undefined if the peer has sent no hello. */
  readonly clusters?: readonly string[] | undefined;
  readonly models: readonly ModelInfo[];
  /** True if it answers prompts of others. Undefined if its dialect has no field for that. */
  readonly lends?: boolean | undefined;
  readonly capacity?: PeerCapacity | undefined;
  readonly status?: PeerStatus | undefined;
}

/**
 * A step that the owner of a session carries out. Outputs are carried out in order. `Extension` is the type of the events that
 * only one dialect has; `never` for a dialect that has only requests and answers.
 */
export type Output<Extension = never> =
  /** Send these bytes to the peer. */
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  /** The peer has sent its hello or its status. */
  | { readonly type: 'peer'; readonly peer: PeerInfo }
  /** The peer has sent a request, in a message of `bytes` bytes. Answer it with `respond` under this id. */
  | { readonly type: 'request'; readonly id: number; readonly request: InferenceRequest; readonly bytes?: number }
  /** An event that only this dialect has. The owner of the link handles it. */
  | { readonly type: 'extension'; readonly event: Extension }
  /** The peer has cancelled its request, or is gone. Nothing more is sent under this id. */
  | { readonly type: 'abort'; readonly id: number }
  /** The peer accepts more bytes of this answer: `credit` has grown. */
  | { readonly type: 'credit'; readonly id: number }
  /** An event of the answer to our request with this id. `bytes` is its size on the wire, for `consumed`. */
  | { readonly type: 'event'; readonly id: number; readonly event: InferenceEvent; readonly bytes: number }
  /** Flush, then close within `CLOSE_GRACE_MS`. */
  | { readonly type: 'close'; readonly error?: ShoalError | undefined };

/**
 * The protocol state of one connection, without I/O: bytes and the time go in, outputs come out. Times are milliseconds of
 * one monotonic clock, which stands still while the peer is not read. Ids are numbers of this interface, chosen by the side
 * that asks; ids on the wire are private to the session. A session never throws because of bytes of the peer.
 */
export interface Session<Extension = never> {
  /** Call once, when the connection is open. */
  start(now: number): Output<Extension>[];
  receive(bytes: Uint8Array, now: number): Output<Extension>[];
  /** Call at `wakeAt`. */
  tick(now: number): Output<Extension>[];
  /** The time of the next `tick`; `Infinity` if none is due. */
  readonly wakeAt: number;
  /**
   * True if the peer finds messages wherever they begin, so that several may share a packet. Default: false, because some peers
   * take each packet for one message.
   */
  readonly joinsMessages?: boolean | undefined;
  /** Bytes of an incomplete message that are stored here. */
  readonly partialBytes: number;
  /** The most bytes that a message can have: the incomplete one, if there is one. */
  readonly messageBytesMax: number;
  /** True if received bytes may be cut anywhere. False if each `receive` must get one whole message. */
  readonly isCuttable: boolean;
  /** Ends the connection for an error that its owner has found: tells the peer, and closes. */
  fail(error: ShoalError): Output<Extension>[];
  /** Call when the connection is gone. Ends every open request: ours with `WORKER_LOST`, the peer's with `abort`. */
  end(): Output<Extension>[];

  /**
   * Server: sends one event of the answer to request `id`, with a text of at most `TEXT_LENGTH_MAX`. Does nothing if that
   * answer has ended.
   */
  respond(id: number, event: InferenceEvent, now: number): Output<Extension>[];
  /** Server: the bytes of this answer that the peer accepts now; `Infinity` if the dialect has no credits. */
  credit(id: number): number;

  /** Client: sends a request. `id` must be new. Throws `ShoalError` if the dialect cannot carry it or it is too large. */
  ask(id: number, request: InferenceRequest, now: number): Output<Extension>[];
  /** Client: cancels a request. Returns its terminal event, `finish` with reason `abort`. */
  abort(id: number): Output<Extension>[];
  /** Client: the reader has read this many bytes of the answer, so the peer may send more. */
  consumed(id: number, bytes: number): Output<Extension>[];
}

/** The time that a closing connection has to flush. */
export const CLOSE_GRACE_MS = 1_000;
