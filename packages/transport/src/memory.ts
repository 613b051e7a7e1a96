import type { Connection, ConnectionHandlers, Remote } from './connection.ts';
import { Inbox } from './inbox.ts';

/** What one end may have under way before `send` answers false. */
export const MEMORY_BUFFER_BYTES = 64 * 1024;

/** Two ends of one connection within this process; the first counts as the one that dialled. */
export function memoryPair(): [Connection, Connection] {
  // The bytes wait at their writer until the reader is open, so the inboxes themselves need no cap.
  const first = new Inbox(Infinity, (until) => back.hold(until));
  const second = new Inbox(Infinity, (until) => forth.hold(until));
  const [forth, back] = [new Pipe(first, second), new Pipe(second, first)];
  return [new MemoryConnection(true, forth, back), new MemoryConnection(false, back, forth)];
}

/** One direction. */
class Pipe {
  readonly writer: Inbox;
  readonly reader: Inbox;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isOpen = false;
  #isHeld = false;
  #isClosed = false;
  #isMoveDue = false;

  constructor(writer: Inbox, reader: Inbox) {
    this.writer = writer;
    this.reader = reader;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The reader takes bytes from now on. */
  open(): void {
    this.#isOpen = true;
    this.#moveSoon();
  }

  /** The reader takes no more before this has resolved. */
  hold(until: Promise<void>): void {
    this.#isHeld = true;
    void until.then(() => {
      this.#isHeld = false;
      this.#moveSoon();
    });
  }

  push(bytes: Uint8Array): boolean {
    if (this.#isClosed) return false;
    // A copy, because on any other transport the reader's array is not the writer's either.
    this.#pieces.push(bytes.slice());
    this.#bytes += bytes.byteLength;
    this.#moveSoon();
    return this.#bytes < MEMORY_BUFFER_BYTES;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Hands over what waits, and tells a writer that was full. */
  move(): void {
    const wasFull = this.#bytes >= MEMORY_BUFFER_BYTES;
    while (!this.#isHeld) {
      const bytes = this.#pieces.shift();
      if (bytes === undefined) break;
      this.#bytes -= bytes.byteLength;
      this.reader.push(bytes);
    }
    if (wasFull && this.#bytes < MEMORY_BUFFER_BYTES) this.writer.drain();
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
      this.#outgoing.move();
      this.#incoming.close();
      this.#outgoing.reader.end();
      this.#outgoing.writer.end();
    });
  }
}
