import { hostGroup } from './host-group.ts';
import type { Seat } from './seats.ts';

/** The flow control between a reader and the writer at the other end. */
export type Flow =
  /** Bytes that the reader leaves unread slow the writer down: `send` returns false until the reader has caught up. */
  | 'transport'
  /** Unread bytes pile up at the reader, so the session must bound them (credits, caps). */
  | 'none';

/** The other end of a connection, as the transport knows it. */
export interface Remote {
  readonly transport: 'memory' | 'tcp' | 'hyperswarm' | 'websocket';
  /** The peer's public key in hex, proven by the transport's handshake. Undefined if the transport has no keys. */
  readonly key?: string | undefined;
  /** Printable: `host:port`, or the form that the transport uses. */
  readonly address: string;
  /** True if this end dialled. */
  readonly initiator: boolean;
}

/**
 * Returns the group that a peer counts in when peers share something: its address without the port, for IPv6 its network of
 * 64 bits. Keys are free to make, addresses are not.
 */
export function peerGroup({ address }: Pick<Remote, 'address'>): string {
  return hostGroup(address.includes(':') ? address.slice(0, address.lastIndexOf(':')) : address);
}

export interface ConnectionHandlers {
  /**
   * Called with bytes in order, cut anywhere. The handler owns the array. If it returns a promise and `flow` is `transport`,
   * no more bytes come before that has resolved, and the writer is held back meanwhile. The promise may not reject.
   */
  data(bytes: Uint8Array): void | Promise<void>;
  /**
   * Called while a large message grows of which nothing is delivered before it is complete, with the bytes of it that are
   * stored. A promise holds the writer back as that of `data` does.
   */
  undelivered?(bytes: number): void | Promise<void>;
  /** Called when there is room again after `send` returned false. */
  drain(): void;
  /** The last call, exactly once, whichever end closed. `error` is undefined after an orderly end. */
  close(error?: Error): void;
}

/** An ordered, reliable stream of bytes between two processes. */
export interface Connection {
  readonly remote: Remote;
  readonly flow: Flow;
  /** Call once. Bytes that arrived before are held (bounded) and delivered afterwards, never within this call. */
  open(handlers: ConnectionHandlers): void;
  /**
   * Always accepts the bytes and owns the array from then on. Returns false to ask the caller to send no more until `drain`.
   * After the end it does nothing and returns false.
   */
  send(bytes: Uint8Array): boolean;
  /** Lets what is sent in a row leave in one packet from now on. Connections without packets do so anyway. */
  joinMessages?(): void;
  /** Flushes and ends the connection. Bytes that are unsent after `CLOSE_GRACE_MS` are dropped. Safe to call twice. */
  close(): void;
}

/** Called with each connection of a listener or a swarm, and its seat there. */
export type ConnectionHandler = (connection: Connection, seat: Seat) => void;
