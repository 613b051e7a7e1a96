import b4a from 'b4a';
import { CLOSE_GRACE_MS } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { SecretStream } from 'hyperdht';
import type { Connection, ConnectionHandlers, Remote } from './connection.ts';
import { HELD_BYTES_MAX, Inbox } from './inbox.ts';

/** The largest encrypted message. The stream refuses 16 MiB, and a reader must have a whole message to decrypt it. */
const STREAM_MESSAGE_BYTES_MAX = 64 * 1024;

/**
 * A `Connection` over a HyperDHT stream. It reads from the start: pausing the stream would not hold the writer back, and the
 * bytes would pile up in this process.
 */
export class StreamConnection implements Connection {
  readonly flow = 'none';
  readonly remote: Remote;
  readonly #stream: SecretStream;
  readonly #inbox = new Inbox(HELD_BYTES_MAX);
  #graceTimer: ReturnType<typeof setTimeout> | undefined;
  #error: Error | undefined;
  #isClosing = false;
  #isEnded = false;
  #joins = false;
  /** Bytes that leave at the end of this turn of the event loop. */
  #joined: Uint8Array[] = [];
  #joinedBytes = 0;
  #hasRoom = true;

  /** `stream` must be open. */
  constructor(stream: SecretStream) {
    this.#stream = stream;
    this.remote = remoteOf(stream);
    stream.on('data', (bytes) => this.#receive(bytes));
    stream.on('drain', () => {
      this.#hasRoom = true;
      this.#inbox.drain();
    });
    stream.on('end', () => this.#endWithinGrace());
    stream.on('error', (error) => {
      this.#error = error;
    });
    stream.on('close', () => {
      clearTimeout(this.#graceTimer);
      this.#isEnded = true;
      this.#inbox.end(this.#isClosing ? undefined : this.#error);
    });
  }

  open(handlers: ConnectionHandlers): void {
    this.#inbox.open(handlers);
  }

  send(bytes: Uint8Array): boolean {
    if (this.#isClosing || this.#isEnded) return false;
    if (!this.#joins) return this.#write(bytes);
    if (this.#joined.length === 0) setImmediate(() => this.#flush());
    this.#joined.push(bytes);
    this.#joinedBytes += bytes.byteLength;
    if (this.#joinedBytes >= STREAM_MESSAGE_BYTES_MAX) this.#flush();
    return this.#hasRoom;
  }

  /** Encryption and the packet cost more than all else about a small piece of an answer. */
  joinMessages(): void {
    this.#joins = true;
  }

  close(): void {
    if (this.#isClosing) return;
    this.#flush();
    this.#isClosing = true;
    this.#inbox.mute();
    this.#endWithinGrace();
  }

  #flush(): void {
    const [first, ...others] = this.#joined;
    this.#joined = [];
    this.#joinedBytes = 0;
    if (first === undefined || this.#isEnded) return;
    this.#write(others.length === 0 ? first : b4a.concat([first, ...others]));
  }

  #write(bytes: Uint8Array): boolean {
    for (let offset = 0; offset < bytes.byteLength; offset += STREAM_MESSAGE_BYTES_MAX) {
      this.#hasRoom = this.#stream.write(bytes.subarray(offset, offset + STREAM_MESSAGE_BYTES_MAX));
    }
    return this.#hasRoom;
  }

  #receive(bytes: Uint8Array): void {
    if (this.#inbox.push(bytes)) return;
    this.#stream.destroy(
      new ShoalError('OVERLOADED', `More than ${HELD_BYTES_MAX} bytes arrived before they were read.`),
    );
  }

  #endWithinGrace(): void {
    if (this.#isEnded) return;
    this.#stream.end();
    this.#graceTimer ??= setTimeout(() => this.#stream.destroy(), CLOSE_GRACE_MS);
  }
}

function remoteOf(stream: SecretStream): Remote {
  const key = b4a.toString(stream.remotePublicKey, 'hex');
  const { remoteHost, remotePort } = stream.rawStream;
  const address = remoteHost === null ? key.slice(0, 8) : `${remoteHost}:${remotePort}`;
  return { transport: 'hyperswarm', key, address, initiator: stream.isInitiator };
}
