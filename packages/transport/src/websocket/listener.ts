import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createSocketServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Connection, ConnectionHandler } from '../connection.ts';
import { hostGroup } from '../host-group.ts';
import { boundAddress, type Listener, listening, plainAddress } from '../listen.ts';
import { type OwnedSeat, Seats } from '../seats.ts';
import { WebSocketConnection } from './connection.ts';
import { createUpgradeGuard, type UpgradeGuardOptions, type UpgradeRefusal } from './upgrade-guard.ts';

/** Time for a handshake, which takes one round trip. A slower one is ended because it occupies a place. */
export const WEBSOCKET_HANDSHAKE_MS = 5_000;
/** A handshake has its place at least this long. It takes one round trip. */
const HANDSHAKE_STAY_MS = 1_000;
/** The size of all headers of a handshake together. */
const WEBSOCKET_HEADERS_BYTES = 8 * 1024;

export interface WebSocketListenOptions extends UpgradeGuardOptions {
  /** 0 picks a free one. */
  readonly port: number;
  /** Handshakes count as connections. */
  readonly maxConnections: number;
  /** Default: 16, and 1,024 for loopback addresses. */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Handshakes at once. Default: `maxConnections`. */
  readonly maxHandshakes?: number | undefined;
  /** The longest message. A longer one ends the connection before it is stored. */
  readonly maxPayloadBytes: number;
  /** The same for a peer's first message. Default: `maxPayloadBytes`. */
  readonly maxFirstMessageBytes?: number | undefined;
  readonly onConnection: ConnectionHandler;
}

/** Resolves once it listens. Throws `INVALID_REQUEST` and the reason if it cannot. */
export async function listenWebSocket(options: WebSocketListenOptions): Promise<Listener> {
  const { maxFirstMessageBytes } = options;
  const guard = createUpgradeGuard(options);
  const seats = new Seats({
    total: options.maxConnections,
    perGroup: options.maxConnectionsPerAddress,
  });
  const handshakeSeats = new Seats({
    total: options.maxHandshakes ?? options.maxConnections,
    perGroup: options.maxConnectionsPerAddress,
    minimumStayMs: HANDSHAKE_STAY_MS,
  });
  // Nothing is read of a socket that waits for a seat, so the HTTP server gets it afterwards.
  const listener = createSocketServer((socket) => accept(socket));
  const server = createServer({ maxHeaderSize: WEBSOCKET_HEADERS_BYTES });
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.maxPayloadBytes,
    autoPong: false,
  });
  const handshakes = new Map<Duplex, Handshake>();
  const open = new Set<Connection>();

  function accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    admit(socket, seats, (seat) => {
      admit(socket, handshakeSeats, (place) => {
        const timer = setTimeout(() => socket.destroy(), WEBSOCKET_HANDSHAKE_MS);
        handshakes.set(socket, { timer, place, seat });
        socket.once('close', () => endHandshake(socket));
        server.emit('connection', socket);
      });
    });
  }

  /** Returns the seat of the socket, or undefined if its handshake has ended before. */
  function endHandshake(socket: Duplex): OwnedSeat | undefined {
    const handshake = handshakes.get(socket);
    if (handshake === undefined) return undefined;
    clearTimeout(handshake.timer);
    handshakes.delete(socket);
    handshake.place.leave();
    return handshake.seat;
  }

  /** `duplex` is the request's socket, with a wider type. */
  function upgrade(request: IncomingMessage, duplex: Duplex, head: Buffer): void {
    const { socket } = request;
    // Node removes its own listener at an upgrade, and an unhandled error would end the process.
    socket.on('error', () => socket.destroy());
    const refusal = guard(request);
    if (refusal !== undefined) {
      socket.end(rawResponse(refusal.status, refusal.why));
      return;
    }
    sockets.handleUpgrade(request, duplex, head, (ws) => {
      const seat = endHandshake(socket);
      if (seat === undefined) return ws.terminate();
      const address = `${plainAddress(socket.remoteAddress)}:${socket.remotePort ?? 0}`;
      const bound = maxFirstMessageBytes === undefined ? {} : { maxFirstMessageBytes };
      const connection = new WebSocketConnection({ ws, socket, address, initiator: false, ...bound });
      open.add(connection);
      socket.once('close', () => open.delete(connection));
      options.onConnection(connection, seat);
    });
  }

  server.on('upgrade', upgrade);
  server.on('request', (request, response) => answerPlain(guard(request), response));
  await listening(listener, options.host, options.port);
  return {
    address: () => boundAddress(listener),
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        handshakeSeats.close();
        seats.close();
        for (const socket of handshakes.keys()) socket.destroy();
        for (const connection of open) connection.close();
      }),
  };
}

interface Handshake {
  readonly timer: ReturnType<typeof setTimeout>;
  readonly place: OwnedSeat;
  readonly seat: OwnedSeat;
}

/** Destroys the socket if it is refused a seat, or loses it later. */
function admit(socket: Socket, seats: Seats, admitted: (seat: OwnedSeat) => void): void {
  const giveUp = seats.admit({ group: hostGroup(plainAddress(socket.remoteAddress)) }, (seat) => {
    if (seat === undefined) {
      socket.destroy();
      return;
    }
    seat.onEvict(() => socket.destroy());
    socket.once('close', () => seat.leave());
    admitted(seat);
  });
  socket.once('close', giveUp);
}

/** Answers a plain HTTP request, for example of a browser or of curl. */
function answerPlain(refusal: UpgradeRefusal | undefined, to: ServerResponse): void {
  const { status, why } = refusal ?? { status: 426, why: 'This is a WebSocket endpoint: send an upgrade request.' };
  to.writeHead(status, {
    connection: 'close',
    'content-type': 'text/plain',
    ...(status === 426 && { upgrade: 'websocket' }),
  });
  to.end(`${why}\n`);
}

function rawResponse(status: number, why: string): string {
  const body = `${why}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: text/plain',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
