import { randomBytes } from 'node:crypto';
import type { Output, PeerStatus } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
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
import {
  type BudgetOption,
  type Connection,
  type ConnectionHandler,
  type Exchange,
  isLoopback,
  Link,
  type Seat,
  Seats,
} from '@shoal/transport';
import { listenTcp } from '@shoal/transport/tcp';
import { listenWebSocket } from '@shoal/transport/websocket';
import { framerFor } from './peer-framer.ts';

/** Connections of a WebSocket or TCP door, if not configured otherwise. More are closed, or replace idle ones. */
export const MAX_DOOR_CONNECTIONS = 1_024;
/** Connections without a hello, on a listener that other machines can reach. */
export const PENDING_HELLOS_MAX = 32;
/** A connection has this long to send its hello before it may have to give its place to a newcomer. */
const HELLO_STAY_MS = 1_000;

export interface PeerListenerOptions extends BudgetOption {
  readonly transport: 'websocket' | 'tcp';
  /** The address to listen on. An address other than loopback needs a token or a list of keys. */
  readonly host: string;
  /** 0: the system picks a free port. Default: 17003, or 17004 for TCP. */
  readonly port?: number | undefined;
  /** The path of a WebSocket listener. Default: `/shoal/v1`. */
  readonly path?: string | undefined;
  readonly maxConnections?: number | undefined;
  /** Peers that show it are accepted. */
  readonly token?: string | undefined;
  /** Public keys, 64 hex digits each. Peers that prove one of them are accepted. */
  readonly allowedKeys?: readonly string[] | undefined;
  /** Origins of web pages that may connect. Default: pages of this machine and of the host name that the page uses. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Host names, besides this machine's own, that may be used to connect. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Returns the node's current hello. */
  readonly hello: () => HelloMessage;
  readonly status: () => PeerStatus;
  readonly answer: (exchange: Exchange) => void;
}

/** A listener for programs and web pages that dial this node and speak `shoal/1`. They send requests, we answer. */
export interface PeerListener {
  readonly name: PeerListenerOptions['transport'];
  /** `ws://host:port/path` or `tcp://host:port`. */
  readonly address: string;
  /** `pending` connections have not been accepted yet. */
  status(): { readonly connections: number; readonly pending: number };
  /** Sends the hello again, after clusters or models have changed. */
  announce(): void;
  announceStatus(): void;
  /** Stops listening and ends every connection within `CLOSE_GRACE_MS`. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Resolves once the port is open. Throws `INVALID_REQUEST` for a port that is in use, and for an address other than loopback
 * without a token or a list of keys.
 */
export async function openPeerListener(options: PeerListenerOptions): Promise<PeerListener> {
  checkCredentials(options);
  const visitors = new Visitors(options);
  const { transport, host } = options;
  const isLocal = isLoopback(host);
  const listener = await listen(options, isLocal, (connection, seat) => visitors.accept(connection, seat));
  const { port } = listener.address();
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  let closing: Promise<void> | undefined;
  return {
    name: transport,
    address: transport === 'tcp' ? `tcp://${where}` : `ws://${where}${options.path ?? WEBSOCKET_PATH}`,
    status: () => visitors.status(),
    announce: () => visitors.broadcast((session, now) => session.announce(now)),
    announceStatus: () => visitors.broadcast((session, now) => session.announceStatus(now)),
    close() {
      visitors.close();
      closing ??= listener.close();
      return closing;
    },
  };
}

function listen(options: PeerListenerOptions, isLocal: boolean, onConnection: ConnectionHandler) {
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

function checkCredentials({ host, token, allowedKeys }: PeerListenerOptions): void {
  if (token === '') throw ShoalError.invalidRequest('The token of a door must not be empty.');
  const wrong = allowedKeys?.find((key) => !isPublicKey(key.toLowerCase()));
  if (wrong !== undefined) {
    throw ShoalError.invalidRequest(
      `"${wrong}" is not a public key, which has 64 hex digits (shoal status shows a node's).`,
    );
  }
  if (token === undefined && allowedKeys === undefined && !isLoopback(host)) {
    throw ShoalError.invalidRequest(
      `A door on ${host} is open to others than this machine: set SHOAL_WS_TOKEN or a list of allowed keys, or listen on 127.0.0.1.`,
    );
  }
}

/** The connections of one listener. */
class Visitors {
  readonly #options: PeerListenerOptions;
  readonly #allowedKeys: ReadonlySet<string> | undefined;
  /** The places of those that have not been accepted yet. */
  readonly #places: Seats;
  readonly #pending = new Set<Link<PeerSession>>();
  readonly #accepted = new Set<Link<PeerSession>>();

  constructor(options: PeerListenerOptions) {
    this.#options = options;
    const { allowedKeys, host, maxConnections = MAX_DOOR_CONNECTIONS } = options;
    this.#allowedKeys = allowedKeys && new Set(allowedKeys.map((key) => key.toLowerCase()));
    const total = isLoopback(host) ? maxConnections : PENDING_HELLOS_MAX;
    this.#places = new Seats({ total, minimumStayMs: HELLO_STAY_MS });
  }

  /** A connection that waits for its place is not read. */
  accept(connection: Connection, seat: Seat): void {
    this.#places.admit(seat.visitor, (place) => {
      if (place === undefined) return connection.close();
      const link = new Link(
        connection,
        this.#session(),
        {
          peer: () => {
            place.leave();
            this.#pending.delete(link);
            this.#accepted.add(link);
          },
          request: (exchange) => {
            seat.keep();
            this.#options.answer(exchange);
          },
          close: () => {
            place.leave();
            this.#pending.delete(link);
            this.#accepted.delete(link);
          },
        },
        this.#options.budget,
      );
      place.onEvict(() => link.close());
      this.#pending.add(link);
      link.start();
    });
  }

  status(): { readonly connections: number; readonly pending: number } {
    return { connections: this.#accepted.size, pending: this.#pending.size };
  }

  broadcast(message: (session: PeerSession, now: number) => Output[]): void {
    for (const link of this.#accepted) link.apply(message(link.session, link.now()));
  }

  close(): void {
    this.#places.close();
    for (const link of [...this.#pending, ...this.#accepted]) link.close();
  }

  #session(): PeerSession {
    const { transport, hello, status, token } = this.#options;
    return new PeerSession({
      framer: framerFor(transport),
      hello,
      status,
      // The start of request ids, which a door does not use because it only answers.
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
