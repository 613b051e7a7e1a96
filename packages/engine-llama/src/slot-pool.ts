/** A share of an emptier slot's tokens that the prompt must begin with for the slot to be worth taking for them. */
const WORTHWHILE_SHARE = 0.1;

/** One sequence of the context, with what it still has in mind of the last request. */
export class Slot {
  readonly sequence: number;
  /** What the model has read of this sequence, in order. */
  readonly tokens: number[] = [];
  isTaken = false;
  /** Counts up with each taking: the least was taken the longest ago. */
  takenAt = 0;

  constructor(sequence: number) {
    this.sequence = sequence;
  }
}

/** The sequences of one context, and the choice of one for a request. */
export class SlotPool {
  readonly #slots: readonly Slot[];
  #takings = 0;

  constructor(count: number) {
    this.#slots = Array.from({ length: count }, (_, sequence) => new Slot(sequence));
  }

  /**
   * The free slot that has read most of the beginning of these tokens, so that a conversation's next turn does not pay for
   * its history; where none has a share worth having, the one that was taken the longest ago. Undefined where none is free.
   */
  take(tokens: readonly number[]): Slot | undefined {
    const free = this.#slots.filter((slot) => !slot.isTaken);
    const oldestFirst = free.toSorted((one, other) => one.takenAt - other.takenAt);
    let [chosen] = oldestFirst;
    let longest = tokens.length * WORTHWHILE_SHARE;
    for (const slot of oldestFirst) {
      const length = commonBeginning(slot.tokens, tokens);
      if (length > longest) {
        longest = length;
        chosen = slot;
      }
    }
    if (chosen === undefined) return undefined;
    chosen.isTaken = true;
    chosen.takenAt = ++this.#takings;
    return chosen;
  }
}

/** How many elements two lists have in common from the first on. */
export function commonBeginning(one: readonly number[], other: readonly number[]): number {
  const most = Math.min(one.length, other.length);
  let length = 0;
  while (length < most && one[length] === other[length]) length++;
  return length;
}
