import { monotonicNow } from '#clock';
import { afterEvents } from '#after-events';

/** Received bytes are parsed for at most this long in one turn of the event loop. Then other events come first. */
export const TURN_MS = 8;
/** Less than this is not worth the start of a new turn. */
const NOTEWORTHY_MS = 1;
/** The time that a peer has used counts half after this time. */
const HALF_LIFE_MS = 1_000;

/** The time that one peer has used lately. */
export class PeerTime {
  #ms = 0;
  #at = 0;

  add(ms: number, now: number): void {
    this.#ms = this.#ms * 2 ** ((this.#at - now) / HALF_LIFE_MS) + ms;
    this.#at = now;
  }

  /** A number by which the times of peers can be compared, whenever they were counted: all of them fade equally fast. */
  get rank(): number {
    return Math.log2(this.#ms) + this.#at / HALF_LIFE_MS;
  }
}

/** Has bytes to read. */
export interface TurnReader {
  /** Reads a piece. It calls `wait` again if there is another one. */
  step(): void;
}

export interface TurnsOptions {
  /** Default: the monotonic clock. */
  readonly now?: (() => number) | undefined;
  /** Calls the task after the events that are due. Default: `setImmediate` or its equal. */
  readonly later?: ((task: () => void) => void) | undefined;
}

/**
 * Shares the time for parsing among peers. While a turn of the event loop has time, bytes are read as they come. The rest waits,
 * and in the next turn the peer goes first that has used the least time lately.
 */
export class Turns {
  readonly #now: () => number;
  readonly #later: (task: () => void) => void;
  readonly #waiting = new Map<PeerTime, Set<TurnReader>>();
  #usedMs = 0;
  #isNextDue = false;

  constructor({ now = monotonicNow, later = afterEvents }: TurnsOptions = {}) {
    this.#now = now;
    this.#later = later;
  }

  /** True if this turn has time left and nobody waits. */
  get hasTime(): boolean {
    return this.#waiting.size === 0 && this.#usedMs < TURN_MS;
  }

  /** Returns the time for `ended`. Call before a piece is read. */
  begin(): number {
    return this.#now();
  }

  /** Counts the time since `begin` for this peer. */
  ended(begunAt: number, peer: PeerTime): void {
    const now = this.#now();
    peer.add(now - begunAt, now);
    this.#usedMs += now - begunAt;
    if (this.#usedMs >= NOTEWORTHY_MS) this.#nextSoon();
  }

  /** Calls `step` once, in a later turn. */
  wait(peer: PeerTime, reader: TurnReader): void {
    const readers = this.#waiting.get(peer);
    if (readers === undefined) this.#waiting.set(peer, new Set([reader]));
    else readers.add(reader);
    this.#nextSoon();
  }

  /** Removes a reader. Does nothing for one that does not wait. */
  leave(peer: PeerTime, reader: TurnReader): void {
    const readers = this.#waiting.get(peer);
    if (readers?.delete(reader) === true && readers.size === 0) this.#waiting.delete(peer);
  }

  #nextSoon(): void {
    if (this.#isNextDue) return;
    this.#isNextDue = true;
    this.#later(() => this.#next());
  }

  #next(): void {
    this.#isNextDue = false;
    this.#usedMs = 0;
    while (this.#usedMs < TURN_MS) {
      const peer = this.#first();
      const [reader] = (peer && this.#waiting.get(peer)) ?? [];
      if (peer === undefined || reader === undefined) break;
      // It leaves first, so that it waits again behind the other connections of its peer.
      this.leave(peer, reader);
      reader.step();
    }
    if (this.#waiting.size > 0) this.#nextSoon();
  }

  #first(): PeerTime | undefined {
    let first: PeerTime | undefined;
    let least = Infinity;
    for (const peer of this.#waiting.keys()) {
      const { rank } = peer;
      if (first !== undefined && rank >= least) continue;
      first = peer;
      least = rank;
    }
    return first;
  }
}
