import b4a from 'b4a';
import { CLOSE_GRACE_MS } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { Connection, ConnectionHandlers, Remote } from '../connection.ts';
import { HELD_BYTES_MAX, Inbox } from '../inbox.ts';
import type { WebSocketDialOptions } from './websocket.ts';

/** Unsent bytes in the platform's WebSocket before `send` returns false. */
const BUFFERED_BYTES_MAX = 64 * 1024;
/** Time between two checks of the unsent bytes: the platform has no event for them. */
const DRAIN_CHECK_MS = 10;
/** RFC 6455, section 7.4.1. */
const NORMAL_CLOSE = 1000;
const ABNORMAL_CLOSURE = 1006;
/** A close code for applications: a page may not send those of the RFC. */
const REFUSED_CLOSE = 4000;

/** Connects with the platform's WebSocket. Throws `CONNECT_FAILED` if no server opens one in time. */
export function dialWebSocket({ url, timeoutMs, maxPayloadBytes, signal }: WebSocketDialOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(url);
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs);
    // Browsers do not tell a page the reason.
    const refused = (): void => fail('refused the connection or cannot be reached');
    const cancelled = (): void => fail('was not reached before the dial was cancelled');

    function settle(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancelled);
      socket.removeEventListener('close', refused);
    }

    function fail(why: string): void {
      settle();
      socket.close();
      reject(new ShoalError('CONNECT_FAILED', `${url} ${why}.`));
    }

    signal?.addEventListener('abort', cancelled);
    socket.addEventListener('close', refused);
    socket.addEventListener(
      'open',
      () => {
        settle();
        resolve(new PlatformConnection(socket, url, maxPayloadBytes));
      },
      { once: true },
    );
  });
}

/** Throws `CONNECT_FAILED` at once if the page may not dial this address: an `https:` page may not open a `ws:` one. */
function openSocket(url: string): WebSocket {
  try {
    return new WebSocket(url);
  } catch (cause) {
    throw new ShoalError('CONNECT_FAILED', `This page may not open ${url}. Use a wss: address.`, { cause });
  }
}

/** A `Connection` over the platform's WebSocket. A page cannot stop reading it: unread messages pile up. */
class PlatformConnection implements Connection {
  readonly flow = 'none';
  readonly remote: Remote;
  readonly #socket: WebSocket;
  readonly #maxPayloadBytes: number;
  readonly #inbox = new Inbox(HELD_BYTES_MAX);
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #graceTimer: ReturnType<typeof setTimeout> | undefined;
  #error: Error | undefined;
  #isClosing = false;

  constructor(socket: WebSocket, address: string, maxPayloadBytes: number) {
    this.#socket = socket;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.remote = { transport: 'websocket', address, initiator: true };
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }: { readonly data: unknown }) => this.#receive(data));
    socket.addEventListener('close', ({ code }) => this.#ended(code));
  }

  open(handlers: ConnectionHandlers): void {
    this.#inbox.open(handlers);
  }

  send(bytes: Uint8Array): boolean {
    if (this.#isClosing || this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(b4a.toString(bytes, 'utf8'));
    if (this.#socket.bufferedAmount <= BUFFERED_BYTES_MAX) return true;
    this.#drainLater();
    return false;
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#inbox.mute();
    this.#endWithinGrace(NORMAL_CLOSE);
  }

  #receive(data: unknown): void {
    if (typeof data !== 'string') return this.#refuse('Every message must be a text message.');
    const bytes = b4a.from(data, 'utf8');
    if (bytes.byteLength > this.#maxPayloadBytes) return this.#refuse('A message is too long.');
    if (!this.#inbox.push(bytes)) this.#refuse(`More than ${HELD_BYTES_MAX} bytes arrived before they were read.`);
  }

  #refuse(why: string): void {
    this.#error ??= ShoalError.badMessage(why);
    this.#isClosing = true;
    this.#inbox.mute();
    this.#endWithinGrace(REFUSED_CLOSE);
  }

  #drainLater(): void {
    this.#drainTimer ??= setTimeout(() => {
      this.#drainTimer = undefined;
      if (this.#socket.bufferedAmount > BUFFERED_BYTES_MAX) this.#drainLater();
      else this.#inbox.drain();
    }, DRAIN_CHECK_MS);
  }

  /** A page cannot destroy a connection: if the peer does not answer in time, it counts as ended. */
  #endWithinGrace(code: number): void {
    this.#socket.close(code);
    this.#graceTimer ??= setTimeout(() => this.#ended(code), CLOSE_GRACE_MS);
  }

  #ended(code: number): void {
    clearTimeout(this.#drainTimer);
    clearTimeout(this.#graceTimer);
    if (code === ABNORMAL_CLOSURE && !this.#isClosing) {
      this.#error ??= new ShoalError('HOST_DISCONNECTED', 'The connection broke.');
    }
    this.#inbox.end(this.#error);
  }
}
