import type { Scope } from '../budget/scope.ts';
import type { Connection } from '../connection.ts';
import type { TrafficCounter } from '../traffic.ts';

/** Bytes that may wait for a peer that does not read. Answers do not count: they wait for room before they are sent. */
export const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** The approximate cost of a waiting message beside its bytes: thousands of small messages cost as much as a large one. */
const UNSENT_OVERHEAD_BYTES = 256;

/** The sending half of a link. It tracks if the connection has room, and bounds the bytes that wait for room. */
export class Outbox {
  readonly #connection: Connection;
  readonly #traffic: TrafficCounter;
  readonly #scope: Scope;
  readonly #waitingForRoom = new Set<() => void>();
  #isFull = false;
  #unsentBytes = 0;
  #isClosed = false;

  /** `scope` counts the bytes that wait. */
  constructor(connection: Connection, traffic: TrafficCounter, scope: Scope) {
    this.#connection = connection;
    this.#traffic = traffic;
    this.#scope = scope;
  }

  /** True while the connection has no room: from a `send` that returned false until it drains. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Sends bytes that are not bounded here: requests of this end, and parts of an answer that waited for room. */
  send(bytes: Uint8Array): void {
    this.#traffic.sent += bytes.byteLength;
    if (!this.#connection.send(bytes)) this.#isFull = true;
  }

  /**
   * Sends bytes that a message of the peer caused. Returns false if more than `UNSENT_BYTES_MAX` of these wait now, or the
   * budget has no room for them.
   */
  sendBounded(bytes: Uint8Array): boolean {
    const waitingBytes = this.#isFull ? bytes.length + UNSENT_OVERHEAD_BYTES : 0;
    this.send(bytes);
    if (waitingBytes === 0) return true;
    if (!this.#scope.reserve(waitingBytes)) return false;
    this.#unsentBytes += waitingBytes;
    return this.#unsentBytes <= UNSENT_BYTES_MAX;
  }

  /** Resolves with true once the connection takes more, with false if it has closed. */
  async room(): Promise<boolean> {
    while (this.#isFull && !this.#isClosed) await new Promise<void>((resolve) => this.#waitingForRoom.add(resolve));
    return !this.#isClosed;
  }

  drained(): void {
    this.#isFull = false;
    this.#scope.release(this.#unsentBytes);
    this.#unsentBytes = 0;
    this.#wakeWaiting();
  }

  close(): void {
    this.#isClosed = true;
    this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    for (const wake of this.#waitingForRoom) wake();
    this.#waitingForRoom.clear();
  }
}
