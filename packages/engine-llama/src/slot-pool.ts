/** The share of a prompt that a slot must have cached to be preferred over the least recently used slot. */
const WORTHWHILE_SHARE = 0.1;

/** One sequence of the context, with the cached tokens of its last request. */
export class Slot {
  readonly sequence: number;
  /** The evaluated tokens of this sequence, in order. */
  readonly tokens: number[] = [];
  isTaken = false;
  /** A counter: the lowest value was taken the longest ago. */
  takenAt = 0;

  constructor(sequence: number) {
    this.sequence = sequence;
  }
}

/** The sequences of one context. */
export class SlotPool {
  readonly #slots: readonly Slot[];
  #takenCount = 0;

  constructor(count: number) {
    this.#slots = Array.from({ length: count }, (_, sequence) => new Slot(sequence));
  }

  /**
   * Returns the free slot that has cached most of the beginning of these tokens, so that the next turn of a conversation
   * does not evaluate its history again; if no slot has a worthwhile share, the least recently used one. Returns undefined
   * if no slot is free.
   */
  take(tokens: readonly number[]): Slot | undefined {
    const free = this.#slots.filter((slot) => !slot.isTaken);
    const oldestFirst = free.toSorted((one, other) => one.takenAt - other.takenAt);
    let [chosen] = oldestFirst;
    let longest = tokens.length * WORTHWHILE_SHARE;
    for (const slot of oldestFirst) {
      const length = commonPrefixLength(slot.tokens, tokens);
      if (length > longest) {
        longest = length;
        chosen = slot;
      }
    }
    if (chosen === undefined) return undefined;
    chosen.isTaken = true;
    chosen.takenAt = ++this.#takenCount;
    return chosen;
  }
}

/** Returns the length of the longest common prefix. */
export function commonPrefixLength(one: readonly number[], other: readonly number[]): number {
  const most = Math.min(one.length, other.length);
  let length = 0;
  while (length < most && one[length] === other[length]) length++;
  return length;
}
