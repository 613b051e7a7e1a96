import type { Piece } from '../stop-filter.ts';

/** Decodes ids, given the few that stand before them; bytes that are no whole character come out as U+FFFD. */
export type Decode<Token extends number> = (tokens: readonly Token[], before: readonly Token[]) => string;

/**
 * Tokens that wait for the rest of a character at most. One character has at most 4, but tokens may be cut so that each
 * holds the end of one character and the beginning of the next; bytes that never become characters must not wait for ever.
 */
const PENDING_TOKENS_MAX = 64;
/** Decoders look so far back to tell whether a word has a space before it. */
const TOKENS_BEFORE = 3;
const REPLACEMENT = '\u{FFFD}';

/** Turns tokens into text that is never cut inside a character. */
export class TokenText<Token extends number> {
  readonly #decode: Decode<Token>;
  #before: readonly Token[];
  #pending: Token[] = [];

  /** `before`: what was read already, the answer's beginning included. */
  constructor(decode: Decode<Token>, before: readonly Token[]) {
    this.#decode = decode;
    this.#before = before.slice(-TOKENS_BEFORE);
  }

  /** Answers with text once it ends with a whole character. */
  push(token: Token): Piece | undefined {
    this.#pending.push(token);
    const text = this.#decode(this.#pending, this.#before);
    if (text.endsWith(REPLACEMENT) && this.#pending.length < PENDING_TOKENS_MAX) return undefined;
    const tokens = this.#pending;
    this.#before = [...this.#before, ...tokens].slice(-TOKENS_BEFORE);
    this.#pending = [];
    return { text, tokens };
  }

  /** The answer ends: whole characters before a cut one still count, and all ids; the cut one is left out of the text. */
  end(): Piece | undefined {
    const tokens = this.#pending;
    if (tokens.length === 0) return undefined;
    this.#pending = [];
    return { text: this.#decode(tokens, this.#before).replace(/\u{FFFD}+$/u, ''), tokens };
  }
}
