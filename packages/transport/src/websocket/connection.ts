import type { Socket } from 'node:net';
import { CLOSE_GRACE_MS } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { RawData, WebSocket } from 'ws';
import { PARTIAL_BYTES_FREE } from '../budget/index.ts';
import type { Connection, ConnectionHandlers, Remote } from '../connection.ts';
import { Inbox } from '../inbox.ts';
import { TCP_KEEP_ALIVE_MS } from '../tcp.ts';

/** Close codes of RFC 6455, section 7.4.1. */
const NORMAL_CLOSE = 1000;
const UNSUPPORTED_DATA = 1003;
const TOO_LONG = 1009;
const ABNORMAL_CLOSURE = 1006;

/** Bytes of framing that may accompany the first message: its header and control frames. */
const FIRST_FRAMING_BYTES = 1024;
/** The size of a control frame without its data: a header and a mask. */
const CONTROL_FRAME_BYTES = 6;

export interface OpenedWebSocket {
  readonly ws: WebSocket;
  /** The socket under the WebSocket. */
  readonly socket: Socket;
  readonly address: string;
  readonly initiator: boolean;
  /** The longest first message, in bytes. Default: the limit of all messages. */
  readonly maxFirstMessageBytes?: number | undefined;
}

/**
 * A `Connection` over an open WebSocket: each `send` is one text message, each text message one `data`. It reads nothing
 * before `open` or while its reader is busy, so the kernel holds the peer back.
 */
export class WebSocketConnection implements Connection {
  readonly flow = 'transport';
  readonly remote: Remote;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #inbox = new Inbox(Infinity, (until) => this.#holdBack(until));
  /** Messages that arrived in one read with the message that the reader is busy with. */
  readonly #held: Uint8Array[] = [];
  #isHeld = false;
  /** Raw bytes since the last message: those of the one that grows in `ws`. */
  #undeliveredBytes = 0;
  #graceTimer: ReturnType<typeof setTimeout> | undefined;
  #error: Error | undefined;
  #isClosing = false;
  #hasEnded = false;

  constructor({ ws, socket, address, initiator, maxFirstMessageBytes }: OpenedWebSocket) {
    this.#ws = ws;
    this.#socket = socket;
    this.remote = { transport: 'websocket', address, initiator };
    ws.pause();
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    socket.on('drain', () => this.#inbox.drain());
    // Before the listener of `ws`, which emits the message that these bytes complete.
    socket.prependListener('data', (bytes: Uint8Array) => this.#stored(bytes.byteLength));
    ws.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // Only while there is room: a peer that sends pings and never reads would fill our memory with pongs.
    ws.on('ping', (data) => {
      this.#controlled(data);
      if (!socket.writableNeedDrain && !this.#isClosing) ws.pong(data);
    });
    ws.on('pong', (data) => this.#controlled(data));
    ws.on('error', (error) => {
      this.#error ??= error;
      this.#endWithinGrace();
    });
    ws.once('close', (code) => this.#ended(code));
    if (maxFirstMessageBytes !== undefined) this.#boundFirstMessage(maxFirstMessageBytes + FIRST_FRAMING_BYTES);
  }

  open(handlers: ConnectionHandlers): void {
    this.#inbox.open(handlers);
    this.#ws.resume();
  }

  send(bytes: Uint8Array): boolean {
    if (this.#isClosing || this.#ws.readyState !== this.#ws.OPEN) return false;
    this.#ws.send(bytes, { binary: false });
    return !this.#socket.writableNeedDrain;
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#inbox.mute();
    this.#end(NORMAL_CLOSE);
  }

  #stored(bytes: number): void {
    this.#undeliveredBytes += bytes;
    if (this.#undeliveredBytes > PARTIAL_BYTES_FREE) this.#inbox.undelivered(this.#undeliveredBytes);
  }

  /** Control frames are no part of a message. */
  #controlled(data: Uint8Array): void {
    this.#undeliveredBytes = Math.max(0, this.#undeliveredBytes - data.byteLength - CONTROL_FRAME_BYTES);
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#undeliveredBytes = 0;
    if (isBinary) return this.#refuse(UNSUPPORTED_DATA, 'Every message must be a text message.');
    if (data instanceof Uint8Array) this.#deliver(data);
  }

  #deliver(message: Uint8Array): void {
    if (this.#isHeld && !this.#isClosing) this.#held.push(message);
    else this.#inbox.push(message);
  }

  #holdBack(until: Promise<void>): void {
    this.#isHeld = true;
    this.#ws.pause();
    void until.then(() => this.#release());
  }

  #release(): void {
    this.#isHeld = false;
    while (!this.#isHeld) {
      const message = this.#held.shift();
      if (message === undefined) return this.#hasEnded ? this.#inbox.end(this.#error) : this.#ws.resume();
      this.#inbox.push(message);
    }
  }

  /** Counts raw bytes, because a message is visible only once it is complete. */
  #boundFirstMessage(maxBytes: number): void {
    let left = maxBytes;
    const count = (bytes: Uint8Array): void => {
      left -= bytes.byteLength;
      if (left >= 0) return;
      this.#socket.off('data', count);
      this.#refuse(TOO_LONG, 'The first message is too long.');
    };
    this.#socket.on('data', count);
    this.#ws.once('message', () => {
      left = Infinity;
      this.#socket.off('data', count);
    });
  }

  /** Ends the connection for a violation of the peer, and reads nothing more from it. */
  #refuse(code: number, why: string): void {
    this.#error ??= ShoalError.badMessage(why);
    this.#isClosing = true;
    this.#inbox.mute();
    this.#end(code, why);
  }

  #end(code: number, why?: string): void {
    this.#ws.close(code, why);
    // The peer's close frame arrives only while the socket is read.
    this.#ws.resume();
    this.#endWithinGrace();
  }

  #endWithinGrace(): void {
    if (this.#hasEnded) return;
    this.#graceTimer ??= setTimeout(() => this.#ws.terminate(), CLOSE_GRACE_MS);
  }

  #ended(code: number): void {
    clearTimeout(this.#graceTimer);
    this.#hasEnded = true;
    if (code === ABNORMAL_CLOSURE && !this.#isClosing) {
      this.#error ??= new ShoalError('HOST_DISCONNECTED', 'The connection broke.');
    }
    if (!this.#isHeld || this.#isClosing) this.#inbox.end(this.#error);
  }
}
