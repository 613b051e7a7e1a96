import { monotonicNow } from '#clock';
import { afterEvents } from '#after-events';

/** Received bytes are parsed for at most this long in one turn of the event loop. Then other events come first. */
export const TURN_MS = 2;
/** A piece that takes longer than a turn is made up for by turns without one, but by no more than this. */
const TURNS_OWED_MAX = 16;
/** Less than this is not worth the start of a new turn. */
const NOTEWORTHY_MS = 1;
/** The time that a peer has used counts half after this time. */
const HALF_LIFE_MS = 1_000;

/**
 * Peers that have used less than this are equal. Otherwise one that sends now and then would wait until each of many others has
 * used as much as it has.
 */
const LITTLE_MS = 2 * TURN_MS;

/** The time that a peer has used lately, in all its connections of one door. */
export class UsedTime {
  #ms = 0;
  #at = 0;

  add(ms: number, now: number): void {
    this.#ms = this.at(now) + ms;
    this.#at = now;
  }

  /** Milliseconds. */
  at(now: number): number {
    return this.#ms * 2 ** ((this.#at - now) / HALF_LIFE_MS);
  }
}

/** A connection that has bytes to read. */
export interface TurnReader {
  readonly time: UsedTime;
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
 * and in the next turn the peer goes first that has used the least time lately. Peers that have
 * used little take turns, and so do the connections of one peer.
 */
export class Turns {
  readonly #now: () => number;
  readonly #later: (task: () => void) => void;
  readonly #waiting = new Map<UsedTime, Set<TurnReader>>();
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

  /** Counts the time since `begin` for this reader. */
  ended(begunAt: number, { time }: TurnReader): void {
    const now = this.#now();
    time.add(now - begunAt, now);
    this.#usedMs += now - begunAt;
    if (this.#usedMs >= NOTEWORTHY_MS) this.#nextSoon();
  }

  /** Calls `step` once, in a later turn. */
  wait(reader: TurnReader): void {
    const readers = this.#waiting.get(reader.time);
    if (readers === undefined) this.#waiting.set(reader.time, new Set([reader]));
    else readers.add(reader);
    this.#nextSoon();
  }

  /** Removes a reader. Does nothing for one that does not wait. */
  leave(reader: TurnReader): void {
    const readers = this.#waiting.get(reader.time);
    if (readers?.delete(reader) === true && readers.size === 0) this.#waiting.delete(reader.time);
  }

  #nextSoon(): void {
    if (this.#isNextDue) return;
    this.#isNextDue = true;
    this.#later(() => this.#next());
  }

  #next(): void {
    this.#isNextDue = false;
    // What was too long is owed to the other events. An answer needs several turns, and a piece before each would delay it often.
    this.#usedMs = Math.max(0, Math.min(this.#usedMs, TURNS_OWED_MAX * TURN_MS) - TURN_MS);
    while (this.#usedMs < TURN_MS) {
      const [reader] = this.#first() ?? [];
      if (reader === undefined) break;
      this.#moveBack(reader);
      reader.step();
    }
    if (this.#waiting.size > 0 || this.#usedMs >= NOTEWORTHY_MS) this.#nextSoon();
  }

  /** Removes a reader, and puts its peer behind others that have used as much. */
  #moveBack(reader: TurnReader): void {
    const readers = this.#waiting.get(reader.time);
    this.#waiting.delete(reader.time);
    readers?.delete(reader);
    if (readers !== undefined && readers.size > 0) this.#waiting.set(reader.time, readers);
  }

  /** Returns the connections of the peer that goes first. */
  #first(): ReadonlySet<TurnReader> | undefined {
    const now = this.#now();
    let first: ReadonlySet<TurnReader> | undefined;
    let least = Infinity;
    for (const [time, readers] of this.#waiting) {
      const used = Math.max(LITTLE_MS, time.at(now));
      if (used >= least) continue;
      first = readers;
      least = used;
    }
    return first;
  }
}
