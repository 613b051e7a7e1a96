import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { CLOSE_GRACE_MS } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { Connection, ConnectionHandler, ConnectionHandlers, Remote } from './connection.ts';
import { hostGroup } from './host-group.ts';
import { Inbox } from './inbox.ts';
import { boundAddress, type Listener, listening, plainAddress } from './listen.ts';
import { type OwnedSeat, Seats } from './seats.ts';

/** Silence after which the kernel probes the peer. Some dialects allow connections to be idle for hours. */
export const TCP_KEEP_ALIVE_MS = 30_000;

export interface TcpListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly maxConnections: number;
  /** Default: 16, and 1,024 for loopback addresses. */
  readonly maxConnectionsPerAddress?: number | undefined;
  /** Returns false to refuse connections of this address. */
  allow?(address: string): boolean;
  readonly onConnection: ConnectionHandler;
}

/** Resolves once it listens. Throws `INVALID_REQUEST` and the reason if it cannot. */
export async function listenTcp(options: TcpListenOptions): Promise<Listener> {
  const open = new Set<Connection>();
  const server = createServer((socket) => accept(socket));
  const seats = new Seats({
    total: options.maxConnections,
    perGroup: options.maxConnectionsPerAddress,
  });

  function accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress);
    if (options.allow?.(address) === false) {
      socket.destroy();
      return;
    }
    // It may fail while it waits.
    socket.on('error', () => socket.destroy());
    const giveUp = seats.admit({ group: hostGroup(address) }, (seat) => {
      if (seat === undefined) socket.destroy();
      else admitted(socket, seat);
    });
    socket.once('close', giveUp);
  }

  function admitted(socket: Socket, seat: OwnedSeat): void {
    const connection = new TcpConnection(socket, false);
    open.add(connection);
    seat.onEvict(() => socket.destroy());
    socket.once('close', () => {
      open.delete(connection);
      seat.leave();
    });
    options.onConnection(connection, seat);
  }

  await listening(server, options.host, options.port);
  return {
    address: () => boundAddress(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        seats.close();
        for (const connection of open) connection.close();
      }),
  };
}

export interface TcpDialOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** Cancels the dial. */
  readonly signal?: AbortSignal | undefined;
}

/** Connects to a TCP server. Throws `CONNECT_FAILED` if no server accepts the connection in time. */
export function dialTcp({ host, port, timeoutMs, signal }: TcpDialOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs);
    const refused = (cause: Error) => fail('refused the connection or cannot be reached', cause);
    const cancelled = (): void => fail('was not reached before the dial was cancelled');

    function settle(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancelled);
      socket.off('error', refused);
    }

    function fail(why: string, cause?: Error): void {
      settle();
      // The promise is settled: later errors are ignored.
      socket.on('error', () => socket.destroy());
      socket.destroy();
      reject(new ShoalError('CONNECT_FAILED', `${host}:${port} ${why}.`, { cause }));
    }

    socket.once('error', refused);
    signal?.addEventListener('abort', cancelled);
    socket.once('connect', () => {
      settle();
      resolve(new TcpConnection(socket, true));
    });
  });
}

/** A `Connection` over a connected socket. It reads nothing before `open`, so the kernel holds the peer back. */
export class TcpConnection implements Connection {
  readonly flow = 'transport';
  readonly remote: Remote;
  readonly #socket: Socket;
  readonly #inbox = new Inbox(Infinity, (until) => this.#holdBack(until));
  #graceTimer: ReturnType<typeof setTimeout> | undefined;
  #error: Error | undefined;
  #isClosing = false;
  #isCorked = false;

  constructor(socket: Socket, initiator: boolean) {
    this.#socket = socket;
    const address = `${plainAddress(socket.remoteAddress)}:${socket.remotePort ?? 0}`;
    this.remote = { transport: 'tcp', address, initiator };
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    socket.on('drain', () => this.#inbox.drain());
    socket.on('end', () => this.#endWithinGrace());
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.once('close', () => {
      clearTimeout(this.#graceTimer);
      this.#inbox.end(this.#isClosing ? undefined : this.#error);
    });
  }

  open(handlers: ConnectionHandlers): void {
    this.#inbox.open(handlers);
    this.#socket.on('data', (bytes) => {
      if (typeof bytes !== 'string') this.#inbox.push(bytes);
    });
  }

  send(bytes: Uint8Array): boolean {
    if (this.#isClosing || !this.#socket.writable) return false;
    this.#cork();
    return this.#socket.write(bytes);
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#inbox.mute();
    this.#endWithinGrace();
    // Unread bytes would turn the end into a reset, and the peer would lose what was flushed.
    this.#socket.resume();
  }

  /** Pieces of answers that are sent in a row leave in one system call, which costs more than all else about a small piece. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#socket.uncork();
    });
  }

  #holdBack(until: Promise<void>): void {
    if (this.#isClosing) return;
    this.#socket.pause();
    void until.then(() => this.#socket.resume());
  }

  #endWithinGrace(): void {
    if (this.#socket.destroyed || this.#graceTimer !== undefined) return;
    this.#socket.end();
    this.#graceTimer = setTimeout(() => this.#socket.destroy(), CLOSE_GRACE_MS);
  }
}
