import type { Connection, ConnectionHandlers, Remote } from './connection.ts';
import { Inbox } from './inbox.ts';

/** Bytes in transit in one direction before `send` returns false. */
export const MEMORY_BUFFER_BYTES = 64 * 1024;

/** Returns the two ends of a connection within this process. The first is the end that dialled. */
export function memoryPair(): [Connection, Connection] {
  // Bytes wait in the pipe until the reader is open, so the inboxes need no cap.
  const first = new Inbox(Infinity, (until) => back.holdBack(until));
  const second = new Inbox(Infinity, (until) => forth.holdBack(until));
  const [forth, back] = [new Pipe(first, second), new Pipe(second, first)];
  return [new MemoryConnection(true, forth, back), new MemoryConnection(false, back, forth)];
}

/** One direction of the connection. */
class Pipe {
  readonly writer: Inbox;
  readonly reader: Inbox;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isOpen = false;
  #isHeld = false;
  #isClosed = false;
  #isMoveDue = false;
  #hasWriterEnded = false;

  constructor(writer: Inbox, reader: Inbox) {
    this.writer = writer;
    this.reader = reader;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Starts delivery to the reader. */
  open(): void {
    this.#isOpen = true;
    this.#moveSoon();
  }

  /** Delivers nothing more before the promise has resolved. */
  holdBack(until: Promise<void>): void {
    this.#isHeld = true;
    void until.then(() => {
      this.#isHeld = false;
      this.#moveSoon();
    });
  }

  push(bytes: Uint8Array): boolean {
    if (this.#isClosed) return false;
    // A copy: on other transports the reader and the writer do not share an array either.
    this.#pieces.push(bytes.slice());
    this.#bytes += bytes.byteLength;
    this.#moveSoon();
    return this.#bytes < MEMORY_BUFFER_BYTES;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Delivers the waiting bytes, then the end. */
  end(): void {
    this.#hasWriterEnded = true;
    this.move();
  }

  /** Delivers the waiting bytes, and drains a writer that was full. */
  move(): void {
    const wasFull = this.#bytes >= MEMORY_BUFFER_BYTES;
    while (!this.#isHeld) {
      const bytes = this.#pieces.shift();
      if (bytes === undefined) break;
      this.#bytes -= bytes.byteLength;
      this.reader.push(bytes);
    }
    if (wasFull && this.#bytes < MEMORY_BUFFER_BYTES) this.writer.drain();
    if (this.#hasWriterEnded && this.#pieces.length === 0) this.reader.end();
  }

  #moveSoon(): void {
    if (!this.#isOpen || this.#isMoveDue) return;
    this.#isMoveDue = true;
    queueMicrotask(() => {
      this.#isMoveDue = false;
      this.move();
    });
  }
}

class MemoryConnection implements Connection {
  readonly flow = 'transport';
  readonly remote: Remote;
  readonly #outgoing: Pipe;
  readonly #incoming: Pipe;

  constructor(initiator: boolean, outgoing: Pipe, incoming: Pipe) {
    this.remote = { transport: 'memory', address: 'memory', initiator };
    this.#outgoing = outgoing;
    this.#incoming = incoming;
  }

  open(handlers: ConnectionHandlers): void {
    this.#incoming.reader.open(handlers);
    this.#incoming.open();
  }

  send(bytes: Uint8Array): boolean {
    return this.#outgoing.push(bytes);
  }

  close(): void {
    this.#incoming.reader.mute();
    if (this.#outgoing.isClosed) return;
    this.#outgoing.close();
    queueMicrotask(() => {
      this.#incoming.close();
      this.#outgoing.end();
      this.#outgoing.writer.end();
    });
  }
}
