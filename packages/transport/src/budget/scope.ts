/** The part of every limit that large frames may use. The rest is for requests and for small messages. */
const LARGE_SHARE = 3 / 4;

/**
 * The bytes that a part of the node holds for its peers, within a limit. What a scope counts, its parent counts too. A scope
 * without a parent is that of a whole process.
 */
export class Scope {
  readonly limitBytes: number;
  readonly #parent: Scope | undefined;
  /** Called after reserved bytes were released in this scope or below it. */
  onRoom: (() => void) | undefined;
  #reservedBytes = 0;
  #grantedBytes = 0;
  #isClosed = false;

  constructor(limitBytes: number, parent?: Scope) {
    this.limitBytes = limitBytes;
    this.#parent = parent;
  }

  get usedBytes(): number {
    return this.#reservedBytes + this.#grantedBytes;
  }

  /**
   * Counts the bytes in all scopes to the root, or, if one has no room, in none. Returns whether they are counted. What
   * connections hold without asking does not count here: many idle ones would leave no room for a request.
   */
  reserve(bytes: number): boolean {
    if (!this.#canReserve(bytes)) return false;
    this.#reserve(bytes);
    return true;
  }

  /** True if so many bytes have room beside everything that is held. */
  hasRoom(bytes: number): boolean {
    return this.usedBytes + bytes <= this.limitBytes && (this.#parent?.hasRoom(bytes) ?? true);
  }

  /**
   * Like `reserve` for a large frame. Returns the scope that has no room; undefined if the bytes are reserved. What connections
   * hold without asking does not count here: if it did, frames that wait could leave no room for the first of them.
   */
  reserveLarge(bytes: number): Scope | undefined {
    const full = this.fullFor(bytes);
    if (full === undefined) this.#reserve(bytes);
    return full;
  }

  /** Returns the first scope, from this one to the root, that has no room for a large frame now. */
  fullFor(bytes: number): Scope | undefined {
    if (this.#reservedBytes + bytes > this.limitBytes * LARGE_SHARE) return this;
    return this.#parent?.fullFor(bytes);
  }

  /** True if a large frame has room once nothing else is reserved. */
  canEverHold(bytes: number): boolean {
    return bytes <= this.limitBytes * LARGE_SHARE && (this.#parent?.canEverHold(bytes) ?? true);
  }

  release(bytes: number): void {
    if (bytes === 0 || this.#isClosed) return;
    this.#reservedBytes -= bytes;
    this.#parent?.release(bytes);
    this.onRoom?.();
  }

  /** Counts bytes that a connection may hold without asking, or with a negative number no longer holds. */
  grant(bytes: number): void {
    if (this.#isClosed) return;
    this.#grantedBytes += bytes;
    this.#parent?.grant(bytes);
  }

  /** True for this scope and for those between it and the root. */
  isWithin(scope: Scope): boolean {
    return this === scope || (this.#parent?.isWithin(scope) ?? false);
  }

  /** Gives back everything. From then on it counts nothing. */
  close(): void {
    this.grant(-this.#grantedBytes);
    this.release(this.#reservedBytes);
    this.#isClosed = true;
  }

  #canReserve(bytes: number): boolean {
    if (this.#reservedBytes + bytes > this.limitBytes) return false;
    return this.#parent === undefined || this.#parent.#canReserve(bytes);
  }

  #reserve(bytes: number): void {
    if (this.#isClosed) return;
    this.#reservedBytes += bytes;
    if (this.#parent !== undefined) this.#parent.#reserve(bytes);
  }
}
