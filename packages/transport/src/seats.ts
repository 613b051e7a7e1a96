import { monotonicNow } from '#clock';
import { hostGroup } from './host-group.ts';
import { isLoopback } from './loopback.ts';

/**
 * Connections from one address, or one IPv6 network of 64 bits, unless it is a loopback address. More are refused, or replace
 * its idle ones.
 */
export const CONNECTIONS_PER_ADDRESS_MAX = 16;

/** Connections of one loopback address at once. It is higher because all programs of the machine share the address. */
export const CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX = 1_024;

/** A peer that has asked nothing keeps its connection at least this long. After that, a full door closes it for a newcomer. */
export const MINIMUM_STAY_MS = 3_000;

/** A peer that was closed for a newcomer takes nobody else's place for this long. */
export const EVICTED_WAIT_MS = 60_000;

/** Newcomers of one door that wait until the minimum stay of an idle peer is over. More are refused at once. */
export const WAITING_MAX = 32;

/** Peers of which a door remembers that they were closed for a newcomer. The oldest is forgotten for a new one. */
const BARRED_MAX = 4_096;

/** A minimum stay ends without an event, so the newcomers that wait for one try again at this interval. */
const RETRY_MS = 100;

/** A peer that wants a seat. */
export interface Visitor {
  /** The `hostGroup` of its address, or the key of a peer whose address is unknown. Peers of one group share a limit. */
  readonly group: string;
  /** The public key that the transport has proven. */
  readonly key?: string | undefined;
  /** True: this node dialled the peer, which is then never closed for a newcomer. */
  readonly isDialled?: boolean | undefined;
}

/** The place of a connected peer at a door, for the code that answers the peer. */
export interface Seat {
  readonly visitor: Visitor;
  /** Call when the peer has asked something: it is never closed for a newcomer from then on. */
  keep(): void;
  /** Sets a condition under which the peer is not closed for a newcomer. */
  keepWhile(condition: () => boolean): void;
}

/** A seat as its owner sees it. */
export interface OwnedSeat extends Seat {
  /** Sets the listener that is called once if the seat has gone to a newcomer. It must end the connection. */
  onEvict(listener: () => void): void;
  /** Releases the seat. Further calls do nothing. */
  leave(): void;
}

export interface SeatsOptions {
  readonly total: number;
  /** Default: `CONNECTIONS_PER_ADDRESS_MAX`, and `CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX` for loopback addresses. */
  readonly perGroup?: number | undefined;
  /** Default: `MINIMUM_STAY_MS`. */
  readonly minimumStayMs?: number | undefined;
  /** True: only a group with more than its fair share of the seats gives one up. */
  readonly overShareOnly?: boolean | undefined;
  /** Milliseconds of a monotonic clock. */
  readonly now?: (() => number) | undefined;
}

interface Group {
  size: number;
  /** The seats of peers that have asked nothing, the longest idle first. */
  readonly idle: Set<Place>;
}

interface Waiter {
  readonly visitor: Visitor;
  readonly until: number;
  readonly settle: (seat: OwnedSeat | undefined) => void;
}

/**
 * The seats of a door. Once all are taken, the peer that has been idle longest gives up its own to a newcomer: one of the
 * group with the most seats, that has asked nothing and whose minimum stay is over. Silence is no fault, only no right to the
 * last seat.
 */
export class Seats {
  readonly #options: SeatsOptions;
  readonly #stayMs: number;
  readonly #now: () => number;
  readonly #groups = new Map<string, Group>();
  /** Keys and groups that may not close others, with the end of that. In order of time. */
  readonly #barred = new Map<string, number>();
  readonly #waiting = new Set<Waiter>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #taken = 0;

  constructor(options: SeatsOptions) {
    this.#options = options;
    this.#stayMs = options.minimumStayMs ?? MINIMUM_STAY_MS;
    this.#now = options.now ?? monotonicNow;
  }

  get taken(): number {
    return this.#taken;
  }

  /** True if a peer could be closed for a newcomer, now or after its minimum stay. */
  get hasIdle(): boolean {
    return [...this.#groups.values()].some((group) => longestIdle(group) !== undefined);
  }

  /** Takes a seat at once, perhaps that of an idle peer. Returns undefined if there is none for this visitor. */
  take(visitor: Visitor): OwnedSeat | undefined {
    if (!this.#isFree(visitor)) {
      const victim = this.#victim(visitor);
      if (victim === undefined || victim.seatedAt + this.#stayMs > this.#now()) return undefined;
      this.#evict(victim, visitor);
    }
    return this.#seat(visitor);
  }

  /** Takes a seat that nobody has. */
  takeFree(visitor: Visitor): OwnedSeat | undefined {
    return this.#isFree(visitor) ? this.#seat(visitor) : undefined;
  }

  /** True if `admit` would not refuse the visitor at once. */
  mayAdmit(visitor: Visitor): boolean {
    return this.#isFree(visitor) || this.#victim(visitor) !== undefined;
  }

  /**
   * Calls `settle` once with a seat, or with undefined if the visitor is refused: at once, or after a wait for the minimum stay
   * of an idle peer, which is not longer than that. Returns the function that gives the wait up.
   */
  admit(visitor: Visitor, settle: Waiter['settle']): () => void {
    const seat = this.#waiting.size === 0 ? this.take(visitor) : this.takeFree(visitor);
    if (seat !== undefined || !this.mayAdmit(visitor) || !this.#makeRoomToWait(visitor.group)) {
      settle(seat);
      return () => {};
    }
    const waiter: Waiter = { visitor, settle, until: this.#now() + this.#stayMs };
    this.#waiting.add(waiter);
    this.#retryLater();
    return () => this.#waiting.delete(waiter);
  }

  /** Refuses the visitors that wait. Seats stay taken. */
  close(): void {
    clearTimeout(this.#timer);
    for (const waiter of this.#waiting) this.#settle(waiter, undefined);
  }

  #isFree({ group }: Visitor): boolean {
    const { total, perGroup = limitOf(group) } = this.#options;
    return this.#taken < total && this.#sizeOf(group) < perGroup;
  }

  #sizeOf(group: string): number {
    return this.#groups.get(group)?.size ?? 0;
  }

  #seat(visitor: Visitor): OwnedSeat {
    const group = this.#groups.get(visitor.group) ?? { size: 0, idle: new Set() };
    this.#groups.set(visitor.group, group);
    group.size += 1;
    this.#taken += 1;
    const place = new Place(visitor, this.#now(), {
      keep: () => group.idle.delete(place),
      remove: () => this.#remove(place, group),
      left: () => this.#serve(),
    });
    if (visitor.isDialled !== true) group.idle.add(place);
    return place;
  }

  #remove(place: Place, group: Group): void {
    group.idle.delete(place);
    group.size -= 1;
    this.#taken -= 1;
    if (group.size === 0) this.#groups.delete(place.visitor.group);
  }

  /**
   * Returns the seat that goes to the visitor once its minimum stay is over. A peer that comes again and again does not keep its
   * own that way: the seat of another is not taken because it has been there for longer. It is one of the visitor's own group if
   * the visitor may not close others. Its group never gets more seats than the one that gives up.
   */
  #victim(visitor: Visitor): Place | undefined {
    const { total, overShareOnly = false, perGroup = limitOf(visitor.group) } = this.#options;
    const isOurs = visitor.isDialled === true;
    if (!isOurs && this.#isBarred(visitor.key)) return undefined;
    const ownSize = this.#sizeOf(visitor.group) + 1;
    const isOwnOnly = ownSize > perGroup || (!isOurs && this.#isBarred(visitor.group));
    const share = Math.max(1, Math.floor(total / (this.#groups.size + (ownSize === 1 ? 1 : 0))));
    let found: { readonly place: Place; readonly size: number } | undefined;
    for (const [name, group] of this.#groups) {
      const isOwn = name === visitor.group;
      const size = isOwn ? ownSize : group.size;
      if (!isOwn && (isOwnOnly || (size < ownSize && !isOurs))) continue;
      if ((overShareOnly && size <= share) || size < (found?.size ?? 0)) continue;
      const place = longestIdle(group);
      if (place === undefined) continue;
      if (size === found?.size && place.seatedAt >= found.place.seatedAt) continue;
      found = { place, size };
    }
    return found?.place;
  }

  /** A newcomer may be the same peer, or another program of the same machine, which is not barred. */
  #evict(victim: Place, newcomer: Visitor): void {
    const { group, key } = victim.visitor;
    if (key !== undefined && key !== newcomer.key) this.#bar(key);
    if (group !== newcomer.group) this.#bar(group);
    victim.evict();
  }

  #bar(name: string): void {
    this.#barred.delete(name);
    const [oldest] = this.#barred.keys();
    if (oldest !== undefined && this.#barred.size >= BARRED_MAX) this.#barred.delete(oldest);
    this.#barred.set(name, this.#now() + EVICTED_WAIT_MS);
  }

  #isBarred(name: string | undefined): boolean {
    if (name === undefined) return false;
    for (const [barred, until] of this.#barred) {
      if (until > this.#now()) break;
      this.#barred.delete(barred);
    }
    return this.#barred.has(name);
  }

  /** The group with the most visitors that wait gives up its newest. Returns false if that is this group. */
  #makeRoomToWait(group: string): boolean {
    if (this.#waiting.size < WAITING_MAX) return true;
    const groups = Map.groupBy(this.#waiting, ({ visitor }) => visitor.group);
    const largest = [...groups.values()].reduce((most, waiters) => (waiters.length > most.length ? waiters : most));
    const newest = largest.at(-1);
    if (newest === undefined || largest.length <= (groups.get(group)?.length ?? 0) + 1) return false;
    this.#settle(newest, undefined);
    return true;
  }

  /** Gives seats to the visitors that wait: first to those whose group has the fewest, then in order of arrival. */
  #serve(): void {
    if (this.#waiting.size === 0) return;
    const sizes = [...this.#waiting].map((waiter) => ({ waiter, size: this.#sizeOf(waiter.visitor.group) }));
    for (const { waiter } of sizes.toSorted((a, b) => a.size - b.size)) {
      if (!this.#waiting.has(waiter)) continue;
      const seat = this.take(waiter.visitor);
      if (seat !== undefined || waiter.until <= this.#now()) this.#settle(waiter, seat);
    }
  }

  #settle(waiter: Waiter, seat: OwnedSeat | undefined): void {
    this.#waiting.delete(waiter);
    waiter.settle(seat);
  }

  #retryLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#serve();
      if (this.#waiting.size > 0) this.#retryLater();
    }, RETRY_MS);
  }
}

interface PlaceHandlers {
  keep(): void;
  remove(): void;
  /** Called after `remove` if the seat is free for anybody. */
  left(): void;
}

class Place implements OwnedSeat {
  readonly visitor: Visitor;
  readonly seatedAt: number;
  readonly #handlers: PlaceHandlers;
  #evicted: () => void = () => {};
  #condition: () => boolean = () => false;
  #hasLeft = false;

  constructor(visitor: Visitor, seatedAt: number, handlers: PlaceHandlers) {
    this.visitor = visitor;
    this.seatedAt = seatedAt;
    this.#handlers = handlers;
  }

  get isKept(): boolean {
    return this.#condition();
  }

  keep(): void {
    this.#handlers.keep();
  }

  keepWhile(condition: () => boolean): void {
    this.#condition = condition;
  }

  onEvict(listener: () => void): void {
    this.#evicted = listener;
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#handlers.remove();
    this.#handlers.left();
  }

  evict(): void {
    this.#hasLeft = true;
    this.#handlers.remove();
    this.#evicted();
  }
}

function longestIdle({ idle }: Group): Place | undefined {
  for (const place of idle) if (!place.isKept) return place;
  return undefined;
}

function limitOf(group: string): number {
  return isLoopback(group) || group === hostGroup('::1')
    ? CONNECTIONS_PER_LOOPBACK_ADDRESS_MAX
    : CONNECTIONS_PER_ADDRESS_MAX;
}
