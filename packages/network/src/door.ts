import { randomBytes } from 'node:crypto';
import { type Output, type PeerStatus, ShoalError } from '@shoal/protocol';
import {
  CHALLENGE_BYTES,
  type HelloMessage,
  isPublicKey,
  MAX_BYTES_BEFORE_HELLO,
  MAX_REQUEST_BYTES,
  PeerSession,
  TCP_PORT,
  WEBSOCKET_PATH,
  WEBSOCKET_PORT,
} from '@shoal/protocol/shoal';
import { type Connection, type Exchange, isLoopback, Link } from '@shoal/transport';
import { listenTcp } from '@shoal/transport/tcp';
import { listenWebSocket } from '@shoal/transport/websocket';
import { framerFor } from './peer-framer.ts';

/** Connections of a WebSocket or TCP door, if not configured otherwise. More are closed. */
export const MAX_DOOR_CONNECTIONS = 1_024;
/** Connections that have not said hello yet, where others than this machine's programs can come. */
export const PENDING_HELLOS_MAX = 32;

export interface PeerListenerOptions {
  readonly transport: 'websocket' | 'tcp';
  /** The address to listen on. Beyond this machine's own it takes a token or a list of keys. */
  readonly host: string;
  /** 0 picks a free one; absent: 17003, or 17004 for TCP. */
  readonly port?: number | undefined;
  /** Of a WebSocket door; absent: `/shoal/v1`. */
  readonly path?: string | undefined;
  readonly maxConnections?: number | undefined;
  /** Who comes in by showing this. */
  readonly token?: string | undefined;
  /** Who comes in by proving one of these: public keys, 64 hex digits each. */
  readonly allowedKeys?: readonly string[] | undefined;
  /** Origins of the web pages that may connect; absent: pages of this machine and of the host that the door is called by. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Names beside this machine's own that the door is called by. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** What the node says of itself, now. */
  readonly hello: () => HelloMessage;
  readonly status: () => PeerStatus;
  readonly answer: (exchange: Exchange) => void;
}

/** A door for peers that speak `shoal/1` and are not met over Hyperswarm: programs and web pages. They ask, we answer. */
export interface PeerListener {
  readonly name: PeerListenerOptions['transport'];
  /** `ws://host:port/path` or `tcp://host:port`. */
  readonly address: string;
  /** `pending` have not said hello yet, or not one that opens the door. */
  status(): { readonly connections: number; readonly pending: number };
  /** Clusters, models or load have changed: says so to everybody. */
  announce(): void;
  announceStatus(): void;
  /** Stops listening and ends every connection within `CLOSE_GRACE_MS`. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Resolves once the door is open. Throws `INVALID_REQUEST`, saying what to change, for a taken port and for a door to
 * the world that anybody could walk through.
 */
export async function openPeerListener(options: PeerListenerOptions): Promise<PeerListener> {
  checkRule(options);
  const visitors = new Visitors(options);
  const { transport, host } = options;
  const isLocal = isLoopback(host);
  const listener = await listen(options, isLocal, (connection) => visitors.take(connection));
  const { port } = listener.address();
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  let closing: Promise<void> | undefined;
  return {
    name: transport,
    address: transport === 'tcp' ? `tcp://${where}` : `ws://${where}${options.path ?? WEBSOCKET_PATH}`,
    status: () => visitors.status(),
    announce: () => visitors.tell((session, now) => session.announce(now)),
    announceStatus: () => visitors.tell((session, now) => session.announceStatus(now)),
    close() {
      visitors.leave();
      closing ??= listener.close();
      return closing;
    },
  };
}

function listen(options: PeerListenerOptions, isLocal: boolean, onConnection: (connection: Connection) => void) {
  const { transport, host, port, path, allowedOrigins, allowedHosts } = options;
  const caps = { maxConnections: options.maxConnections ?? MAX_DOOR_CONNECTIONS };
  if (transport === 'tcp') {
    return listenTcp({ host, port: port ?? TCP_PORT, ...caps, onConnection });
  }
  return listenWebSocket({
    host,
    port: port ?? WEBSOCKET_PORT,
    path: path ?? WEBSOCKET_PATH,
    ...caps,
    ...(isLocal ? {} : { maxHandshakes: PENDING_HELLOS_MAX }),
    maxPayloadBytes: MAX_REQUEST_BYTES,
    maxFirstMessageBytes: MAX_BYTES_BEFORE_HELLO,
    ...(allowedOrigins === undefined ? {} : { allowedOrigins }),
    ...(allowedHosts === undefined ? {} : { allowedHosts }),
    onConnection,
  });
}

function checkRule({ host, token, allowedKeys }: PeerListenerOptions): void {
  if (token === '') throw ShoalError.invalidRequest('The token of a door must not be empty.');
  const wrong = allowedKeys?.find((key) => !isPublicKey(key.toLowerCase()));
  if (wrong !== undefined) {
    throw ShoalError.invalidRequest(
      `"${wrong}" is no public key, which has 64 hex digits (shoal status shows a node's).`,
    );
  }
  if (token === undefined && allowedKeys === undefined && !isLoopback(host)) {
    throw ShoalError.invalidRequest(
      `A door on ${host} is open to others than this machine: set SHOAL_WS_TOKEN or a list of allowed keys, or listen on 127.0.0.1.`,
    );
  }
}

/** Who has come through one door. */
class Visitors {
  readonly #options: PeerListenerOptions;
  readonly #allowedKeys: ReadonlySet<string> | undefined;
  readonly #maxPending: number;
  readonly #pending = new Set<Link<PeerSession>>();
  readonly #welcome = new Set<Link<PeerSession>>();

  constructor(options: PeerListenerOptions) {
    this.#options = options;
    const { allowedKeys, host, maxConnections = MAX_DOOR_CONNECTIONS } = options;
    this.#allowedKeys = allowedKeys && new Set(allowedKeys.map((key) => key.toLowerCase()));
    this.#maxPending = isLoopback(host) ? maxConnections : PENDING_HELLOS_MAX;
  }

  take(connection: Connection): void {
    if (this.#pending.size >= this.#maxPending) return connection.close();
    const link = new Link(connection, this.#session(), {
      peer: () => {
        this.#pending.delete(link);
        this.#welcome.add(link);
      },
      request: this.#options.answer,
      close: () => {
        this.#pending.delete(link);
        this.#welcome.delete(link);
      },
    });
    this.#pending.add(link);
    link.start();
  }

  status(): { readonly connections: number; readonly pending: number } {
    return { connections: this.#welcome.size, pending: this.#pending.size };
  }

  tell(message: (session: PeerSession, now: number) => Output[]): void {
    for (const link of this.#welcome) link.apply(message(link.session, link.now()));
  }

  leave(): void {
    for (const link of [...this.#pending, ...this.#welcome]) link.close();
  }

  #session(): PeerSession {
    const { transport, hello, status, token } = this.#options;
    return new PeerSession({
      framer: framerFor(transport),
      hello,
      status,
      // A door only answers; were it to ask, this would begin its ids.
      idPrefix: 'door',
      helloOwed: true,
      door: {
        challenge: randomBytes(CHALLENGE_BYTES).toString('hex'),
        token,
        allowedKeys: this.#allowedKeys,
      },
    });
  }
}
