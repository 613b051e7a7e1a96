import type { TextEvent } from '@shoal/protocol';

/** Text with the token ids that it was decoded from, and their log probabilities if requested. */
export type Piece = Omit<TextEvent, 'type'>;

/**
 * Ends an answer before the first stop string, which may span pieces. A piece is held back while it could belong to a stop
 * string. Pieces are emitted whole, so that the emitted tokens always decode to the emitted text. Only the last text, cut by
 * a stop string, may end inside a token, whose id is omitted.
 */
export class StopFilter {
  readonly #stops: readonly string[];
  #held: Piece[] = [];
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** True after a stop string. Do not push any more pieces then. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Adds a piece. Returns the text that certainly belongs to the answer now, if any. */
  push(piece: Piece): Piece | undefined {
    this.#held.push(piece);
    const text = joinText(this.#held);
    const stopAt = firstIndexOf(text, this.#stops);
    const mayStopAt = text.length - longestBeginning(text, this.#stops);
    // A stop string that began earlier may still be completed, and would be the first one then.
    if (stopAt !== -1 && stopAt <= mayStopAt) return this.#stopAt(stopAt, text);
    return this.#emit(this.#takeUntil(mayStopAt));
  }

  /** Returns the held text at the end of the answer, including tokens without text. A stop string in it ends it. */
  end(): Piece | undefined {
    const text = joinText(this.#held);
    const stopAt = firstIndexOf(text, this.#stops);
    if (stopAt !== -1) return this.#stopAt(stopAt, text);
    const rest = joinPieces(this.#held.splice(0));
    return rest.tokens.length > 0 || rest.text !== '' ? rest : undefined;
  }

  #stopAt(index: number, text: string): Piece | undefined {
    this.#stopped = true;
    const whole = joinPieces(this.#takeUntil(index));
    this.#held = [];
    return index === 0 ? undefined : { ...whole, text: text.slice(0, index) };
  }

  /** A piece without text (a control token) is held until text follows. */
  #emit(pieces: Piece[]): Piece | undefined {
    const piece = joinPieces(pieces);
    if (piece.text !== '') return piece;
    if (piece.tokens.length > 0) this.#held.unshift(piece);
    return undefined;
  }

  /** Removes and returns the first pieces that lie entirely within `length` characters. */
  #takeUntil(length: number): Piece[] {
    let count = 0;
    for (let end = 0; count < this.#held.length; count++) {
      end += this.#held[count]?.text.length ?? 0;
      if (end > length) break;
    }
    return this.#held.splice(0, count);
  }
}

function joinText(pieces: readonly Piece[]): string {
  return pieces.map((piece) => piece.text).join('');
}

function joinPieces(pieces: readonly Piece[]): Piece {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const logprobs = pieces.flatMap((piece) => piece.logprobs ?? []);
  return {
    text: joinText(pieces),
    tokens: pieces.flatMap((piece) => piece.tokens),
    ...(logprobs.length > 0 && { logprobs }),
  };
}

function firstIndexOf(text: string, stops: readonly string[]): number {
  const found = stops.map((stop) => text.indexOf(stop)).filter((index) => index !== -1);
  return found.length === 0 ? -1 : Math.min(...found);
}

/** Returns the number of last characters that could begin a stop string. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
