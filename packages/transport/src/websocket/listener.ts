import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Caps } from '../caps.ts';
import type { Connection, ConnectionHandler } from '../connection.ts';
import { boundAddress, type Listener, listening, plainAddress } from '../listen.ts';
import { WebSocketConnection } from './connection.ts';
import { createUpgradeGuard, type UpgradeGuardOptions, type UpgradeRefusal } from './upgrade-guard.ts';

/** Time for a handshake, which takes one round trip. A slower one is ended because it occupies a place. */
export const WEBSOCKET_HANDSHAKE_MS = 5_000;
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
  const caps = new Caps({
    total: options.maxConnections,
    perAddress: options.maxConnectionsPerAddress,
  });
  const server = createServer({ maxHeaderSize: WEBSOCKET_HEADERS_BYTES });
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.maxPayloadBytes,
    autoPong: false,
  });
  const handshakes = new Map<Duplex, ReturnType<typeof setTimeout>>();
  const open = new Set<Connection>();

  function accept(socket: Socket): void {
    const isFull = handshakes.size >= (options.maxHandshakes ?? Infinity);
    const release = isFull ? undefined : caps.reserve(plainAddress(socket.remoteAddress));
    if (release === undefined) {
      socket.destroy();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), WEBSOCKET_HANDSHAKE_MS);
    handshakes.set(socket, timer);
    socket.once('close', () => {
      release();
      endHandshake(socket);
    });
  }

  function endHandshake(socket: Duplex): void {
    clearTimeout(handshakes.get(socket));
    handshakes.delete(socket);
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
      endHandshake(socket);
      const address = `${plainAddress(socket.remoteAddress)}:${socket.remotePort ?? 0}`;
      const bound = maxFirstMessageBytes === undefined ? {} : { maxFirstMessageBytes };
      const connection = new WebSocketConnection({ ws, socket, address, initiator: false, ...bound });
      open.add(connection);
      socket.once('close', () => open.delete(connection));
      options.onConnection(connection);
    });
  }

  server.on('connection', accept);
  server.on('upgrade', upgrade);
  server.on('request', (request, response) => answerPlain(guard(request), response));
  await listening(server, options.host, options.port);
  return {
    address: () => boundAddress(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of handshakes.keys()) socket.destroy();
        for (const connection of open) connection.close();
      }),
  };
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
