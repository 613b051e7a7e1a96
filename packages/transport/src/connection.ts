/** Whether what a reader leaves unread slows the writer down at the other end. */
export type Flow =
  /** It does: `send` answers false and `drain` follows only once the reader has caught up. */
  | 'transport'
  /** It does not: what is sent piles up at the reader, so the session must bound it (credits, caps). */
  | 'none';

/** Who is at the other end, as far as the transport itself knows. */
export interface Remote {
  readonly transport: 'memory' | 'tcp' | 'hyperswarm' | 'websocket';
  /** The peer's public key in hex, proven by the transport's handshake; absent where there is none. */
  readonly key?: string | undefined;
  /** Printable: `host:port` or whatever the transport calls it. */
  readonly address: string;
  /** Whether we dialled it. */
  readonly initiator: boolean;
}

export interface ConnectionHandlers {
  /**
   * Bytes arrived, in order, cut anywhere. The array is the handler's to keep. Where `flow` is `transport`, nothing more
   * comes before a promise that it answers with has resolved, and the writer is held back meanwhile; it may not reject.
   */
  data(bytes: Uint8Array): void | Promise<void>;
  /** After `send` answered false: there is room again. */
  drain(): void;
  /** The last call there is, exactly once, whoever closed and why. `error` is absent after an orderly end. */
  close(error?: Error): void;
}

/** An ordered, reliable stream of bytes between two processes. */
export interface Connection {
  readonly remote: Remote;
  readonly flow: Flow;
  /** Call once. Bytes that arrived before are held (bounded) and delivered from here on, never within this call. */
  open(handlers: ConnectionHandlers): void;
  /**
   * Always takes the bytes, and the array with them. False asks the caller to send no more until `drain`. After the end it
   * does nothing and answers false.
   */
  send(bytes: Uint8Array): boolean;
  /** Flushes what was sent and ends; whatever has not gone within `CLOSE_GRACE_MS` is dropped. Safe to call twice. */
  close(): void;
}

/** Takes the connections that a listener or a swarm brings. */
export type ConnectionHandler = (connection: Connection) => void;
