import type { SampledLogprob } from '@shoal/protocol';
import type { Piece } from '@shoal/chat/stop-filter';

/**
 * The number of tokens that wait for the rest of a character. A character has at most 4, but each token may hold the end of
 * one character and the beginning of the next. Bytes that never become characters must not wait forever.
 */
const PENDING_TOKENS_MAX = 64;
const [CONTINUATION, TWO_BYTES, THREE_BYTES, FOUR_BYTES, NONE_LONGER] = [0x80, 0xc0, 0xe0, 0xf0, 0xf8] as const;

/** Turns tokens into text that is never cut inside a character. Invalid bytes become U+FFFD. */
export class TokenText {
  readonly #pieceOf: (token: number) => Uint8Array;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #tokens: number[] = [];
  #logprobs: SampledLogprob[] = [];
  #bytes: Uint8Array[] = [];

  constructor(pieceOf: (token: number) => Uint8Array) {
    this.#pieceOf = pieceOf;
  }

  /** Returns the text when it ends with a whole character. */
  push(token: number, logprob?: SampledLogprob): Piece | undefined {
    const bytes = this.#pieceOf(token);
    this.#tokens.push(token);
    this.#bytes.push(bytes);
    if (logprob !== undefined) this.#logprobs.push(logprob);
    const isCut = cutBytes(this.#bytes) > 0;
    return isCut && this.#tokens.length < PENDING_TOKENS_MAX ? undefined : this.#take(0);
  }

  /** Returns the rest at the end of the answer: all ids, and the text without an incomplete last character. */
  end(): Piece | undefined {
    return this.#tokens.length === 0 ? undefined : this.#take(cutBytes(this.#bytes));
  }

  #take(omitted: number): Piece {
    const [only] = this.#bytes;
    const bytes = this.#bytes.length === 1 && only !== undefined ? only : Buffer.concat(this.#bytes);
    const text = this.#decoder.decode(omitted === 0 ? bytes : bytes.subarray(0, bytes.length - omitted));
    const [tokens, logprobs] = [this.#tokens, this.#logprobs];
    this.#tokens = [];
    this.#logprobs = [];
    this.#bytes = [];
    return { text, tokens, ...(logprobs.length > 0 && { logprobs }) };
  }
}

/** Returns the number of bytes of an incomplete last character. */
function cutBytes(pieces: readonly Uint8Array[]): number {
  const end: number[] = [];
  for (let index = pieces.length - 1; index >= 0 && end.length < 4; index--) {
    const piece = pieces[index];
    if (piece !== undefined) end.unshift(...piece.subarray(-4));
  }
  for (let back = 1; back <= Math.min(3, end.length); back++) {
    const byte = end[end.length - back] ?? 0;
    if (byte < CONTINUATION) return 0;
    if (byte >= TWO_BYTES) return lengthOfCharacter(byte) > back ? back : 0;
  }
  return 0;
}

function lengthOfCharacter(first: number): number {
  if (first >= NONE_LONGER) return 1;
  if (first >= FOUR_BYTES) return 4;
  return first >= THREE_BYTES ? 3 : 2;
}
