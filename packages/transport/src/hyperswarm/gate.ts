import { type OwnedSeat, Seats, type Visitor } from '../seats.ts';

/** Peers at once that have begun a handshake and are not connected yet. */
export const HANDSHAKES_MAX = 32;

/** Time after which a handshake without a connection loses its place. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

interface Expected {
  readonly handshake: OwnedSeat;
  /** Undefined if all were taken at the handshake. The connection may get that of an idle peer. */
  readonly seat: OwnedSeat | undefined;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Limits a swarm's connections from the handshake on, when refusing one is still cheap. */
export class Gate {
  readonly #seats: Seats;
  readonly #handshakes: Seats;
  readonly #expected = new Map<string, Expected>();

  /** `now` is a monotonic clock, in milliseconds. */
  constructor(maxConnections: number, now?: () => number) {
    this.#seats = new Seats({ total: maxConnections, now });
    this.#handshakes = new Seats({ total: HANDSHAKES_MAX, now });
  }

  /** True if a connection that this node dials now could replace that of an idle peer. */
  get hasIdle(): boolean {
    return this.#seats.hasIdle;
  }

  /**
   * Called at the handshake: takes a seat for this key if one is free. A handshake proves neither the address nor that a
   * connection follows, so it does not cost another peer its seat. Returns false if a limit is reached.
   */
  expect(key: string, group: string): boolean {
    if (this.#expected.has(key)) return true;
    const visitor = { group, key };
    if (!this.#seats.mayAdmit(visitor)) return false;
    const handshake = this.#handshakes.take({ group });
    if (handshake === undefined) return false;
    handshake.onEvict(() => this.#forget(key)?.leave());
    const timer = setTimeout(() => this.#forget(key)?.leave(), HANDSHAKE_TIMEOUT_MS);
    const seat = this.#seats.takeFree(visitor);
    seat?.onEvict(() => this.#forget(key));
    this.#expected.set(key, { handshake, seat, timer });
    return true;
  }

  /**
   * Called when a peer with a key is connected. Calls `settle` once with its seat, at once or after the minimum stay of an idle
   * peer; with undefined if it is refused. Returns the function that gives the wait up.
   */
  enter(visitor: Visitor & { readonly key: string }, settle: (seat: OwnedSeat | undefined) => void): () => void {
    const seat = this.#forget(visitor.key);
    if (seat === undefined) return this.#seats.admit(visitor, settle);
    if (visitor.isDialled === true) seat.keep();
    settle(seat);
    return () => {};
  }

  close(): void {
    for (const key of this.#expected.keys()) this.#forget(key)?.leave();
    this.#seats.close();
  }

  #forget(key: string): OwnedSeat | undefined {
    const expected = this.#expected.get(key);
    if (expected === undefined) return undefined;
    clearTimeout(expected.timer);
    this.#expected.delete(key);
    expected.handshake.leave();
    return expected.seat;
  }
}
