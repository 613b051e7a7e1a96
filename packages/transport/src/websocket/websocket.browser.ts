import b4a from 'b4a';
import { CLOSE_GRACE_MS, ShoalError } from '@shoal/protocol';
import type { Connection, ConnectionHandlers, Remote } from '../connection.ts';
import { HELD_BYTES_MAX, Inbox } from '../inbox.ts';
import type { WebSocketDialOptions } from './websocket.ts';

/** What the platform may have waiting to be sent before `send` answers false. */
const BUFFERED_BYTES_MAX = 64 * 1024;
/** The platform does not tell when it has sent what waited: it is asked so often. */
const DRAIN_CHECK_MS = 10;
/** RFC 6455, section 7.4.1. */
const NORMAL_CLOSE = 1000;
const LOST_WITHOUT_A_WORD = 1006;
/** Of the codes for applications; those of the RFC are not for a page to send. */
const REFUSED_CLOSE = 4000;

/** Dials with the platform's own WebSocket. Throws `CONNECT_FAILED` where nobody opens one there in time. */
export function dialWebSocket({ url, timeoutMs, maxPayloadBytes, signal }: WebSocketDialOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(url);
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs);
    // A page is not told why.
    const refused = (): void => fail('refused the connection or cannot be reached');
    const givenUp = (): void => fail('is not wanted any more');

    function settle(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', givenUp);
      socket.removeEventListener('close', refused);
    }

    function fail(why: string): void {
      settle();
      socket.close();
      reject(new ShoalError('CONNECT_FAILED', `${url} ${why}.`));
    }

    signal?.addEventListener('abort', givenUp);
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

/** A page that came over https: may not open a `ws:` address of another machine, and is told so at once. */
function openSocket(url: string): WebSocket {
  try {
    return new WebSocket(url);
  } catch (cause) {
    throw new ShoalError('CONNECT_FAILED', `${url} may not be dialled from this page; try a wss: address.`, { cause });
  }
}

/** The platform's WebSocket as a `Connection`. A page cannot leave it unread: what it does not want piles up. */
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
    socket.addEventListener('close', ({ code }) => this.#over(code));
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
    if (!this.#inbox.push(bytes)) this.#refuse(`More than ${HELD_BYTES_MAX} bytes came before they were read.`);
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

  /** A page cannot cut a connection; when the peer does not answer in time, it is over for us. */
  #endWithinGrace(code: number): void {
    this.#socket.close(code);
    this.#graceTimer ??= setTimeout(() => this.#over(code), CLOSE_GRACE_MS);
  }

  #over(code: number): void {
    clearTimeout(this.#drainTimer);
    clearTimeout(this.#graceTimer);
    if (code === LOST_WITHOUT_A_WORD && !this.#isClosing) {
      this.#error ??= new ShoalError('HOST_DISCONNECTED', 'The connection broke.');
    }
    this.#inbox.end(this.#error);
  }
}
