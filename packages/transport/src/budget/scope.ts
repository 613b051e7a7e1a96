/**
 * The bytes that a part of the node holds for its peers, within a limit. What a scope counts, its parent counts too. A scope
 * without a parent is that of a whole process.
 */
export class Scope {
  readonly limitBytes: number;
  readonly #parent: Scope | undefined;
  /** Called after bytes were released in this scope or below it. */
  onRoom: (() => void) | undefined;
  #usedBytes = 0;
  #isClosed = false;

  constructor(limitBytes: number, parent?: Scope) {
    this.limitBytes = limitBytes;
    this.#parent = parent;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Returns the first scope, from this one to the root, in which so many more bytes have no room. Undefined if there is room in
   * all. `share` is the part of each limit that may be used, from 0 to 1.
   */
  lacking(bytes: number, share = 1): Scope | undefined {
    if (this.#usedBytes + bytes > this.limitBytes * share) return this;
    return this.#parent?.lacking(bytes, share);
  }

  /** True if so many bytes have room in all scopes to the root once these are empty. */
  canEverHold(bytes: number, share = 1): boolean {
    return bytes <= this.limitBytes * share && (this.#parent?.canEverHold(bytes, share) ?? true);
  }

  /** True for this scope and for those between it and the root. */
  isWithin(scope: Scope): boolean {
    return this === scope || (this.#parent?.isWithin(scope) ?? false);
  }

  /** Counts the bytes in all scopes to the root, or, if one has no room, in none. Returns whether they are counted. */
  reserve(bytes: number, share = 1): boolean {
    if (this.lacking(bytes, share) !== undefined) return false;
    this.charge(bytes);
    return true;
  }

  /** Counts bytes that are there already, even above a limit. */
  charge(bytes: number): void {
    if (this.#isClosed) return;
    this.#usedBytes += bytes;
    this.#parent?.charge(bytes);
  }

  release(bytes: number): void {
    if (bytes === 0 || this.#isClosed) return;
    this.#usedBytes -= bytes;
    this.#parent?.release(bytes);
    this.onRoom?.();
  }

  /** Releases everything. From then on it counts nothing. */
  close(): void {
    this.release(this.#usedBytes);
    this.#isClosed = true;
  }
}
