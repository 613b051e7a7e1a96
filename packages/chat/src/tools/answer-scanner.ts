import type { TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { Piece } from '../stop-filter.ts';

/** A parser that yields to wait for more text, and finally returns its result. */
export type Reading<Found> = Generator<void, Found, void>;

type ParsedEvent = TextEvent | ToolCallEvent;

interface PositionedPiece extends Piece {
  /** Offset of its text in the answer. */
  readonly start: number;
}

/**
 * A scanner over an answer that arrives in pieces. A `Reading` advances over its text and emits it as text or as a call.
 * Text between the last event and the current position can still be emitted as text. The token ids of a piece belong to
 * the first event that includes or follows any of its text, so continuing from the emitted ids never repeats text.
 */
export class AnswerScanner {
  #pieces: PositionedPiece[] = [];
  /** The text after the `#emitted` characters that were emitted or dropped. */
  #text = '';
  #emitted = 0;
  #at = 0;
  #isOver = false;
  #events: ParsedEvent[] = [];

  push(piece: Piece): void {
    this.#pieces.push({ ...piece, start: this.#emitted + this.#text.length });
    this.#text += piece.text;
  }

  /** Marks the end of the text. */
  end(): void {
    this.#isOver = true;
  }

  /** Returns the events since the previous call. Pieces of one text or one call are joined into one event. */
  takeEvents(): readonly ParsedEvent[] {
    return this.#events.splice(0);
  }

  /** Returns an event with the ids that no other event contains, if any. */
  takeRemaining(): readonly ParsedEvent[] {
    const rest = this.#takePieces(Infinity);
    return rest.tokens.length > 0 ? [{ type: 'text', text: '', ...rest }] : [];
  }

  /** Emits all text before the first of the markers and moves past it. Returns undefined if there is none. */
  *find(markers: readonly string[]): Reading<string | undefined> {
    for (;;) {
      const [marker, index] = firstOf(this.#text.slice(this.#at), markers);
      if (marker !== undefined) {
        this.#at += index;
        this.emitAsText();
        this.#at += marker.length;
        return marker;
      }
      const held = this.#isOver ? 0 : longestBeginning(this.#text, markers);
      this.#at = Math.max(this.#at, this.#text.length - held);
      this.emitAsText();
      if (this.#isOver) return undefined;
      yield;
    }
  }

  /** Returns the next character without moving, or undefined at the end. */
  *peek(): Reading<string | undefined> {
    while (this.#at >= this.#text.length && !this.#isOver) yield;
    return this.#text[this.#at];
  }

  advance(characters: number): void {
    this.#at += characters;
  }

  /** The text after the current position. */
  get ahead(): string {
    return this.#text.slice(this.#at);
  }

  *skipSpace(): Reading<void> {
    for (let char = yield* this.peek(); char !== undefined && /\s/.test(char); char = yield* this.peek()) this.#at++;
  }

  /** Moves past the literal and returns true if it comes next. */
  *match(literal: string): Reading<boolean> {
    while (this.ahead.length < literal.length && literal.startsWith(this.ahead) && !this.#isOver) yield;
    const isNext = this.#text.startsWith(literal, this.#at);
    if (isNext) this.#at += literal.length;
    return isNext;
  }

  /** Drops whitespace if one of the markers or the end of the answer follows it. */
  *dropSpaceBefore(markers: readonly string[]): Reading<void> {
    const begin = this.#at;
    yield* this.skipSpace();
    let isDropped = (yield* this.peek()) === undefined;
    for (const marker of markers) {
      const before = this.#at;
      isDropped ||= yield* this.match(marker);
      this.#at = before;
    }
    if (isDropped) this.drop();
    else this.#at = begin;
  }

  /** Moves past whitespace and the marker that ends a call. The marker may be cut by the end of the answer, or missing. */
  *skipEndMarker(marker: string): Reading<void> {
    const begin = this.#at;
    yield* this.skipSpace();
    if (yield* this.match(marker)) return;
    this.#at = marker.startsWith(this.ahead) ? this.#text.length : begin;
  }

  /** Discards the text up to the current position. */
  drop(): void {
    this.#emitted += this.#at;
    this.#text = this.#text.slice(this.#at);
    this.#at = 0;
  }

  /** Discards the text up to the current position, and emits the ids of the pieces that end there as a text without content. */
  dropWithIds(): void {
    this.drop();
    const count = this.#pieces.findIndex(({ start, text }) => start + text.length > this.#emitted);
    const pieces = this.#pieces.splice(0, count === -1 ? this.#pieces.length : count);
    const ids = idsOf(pieces);
    if (ids.tokens.length > 0) this.#addText({ text: '', ...ids });
  }

  /** Emits the text up to the current position. */
  emitAsText(): void {
    if (this.#at > 0) this.emitText(this.#text.slice(0, this.#at));
  }

  /** Emits `text` in place of the text up to the current position. */
  emitText(text: string): void {
    this.drop();
    this.#addText({ text, ...this.#takePieces(this.#emitted) });
  }

  #addText({ text, tokens, logprobs }: Piece): void {
    const last = this.#events.at(-1);
    const before = last?.type === 'text' ? last : undefined;
    if (before !== undefined) this.#events.pop();
    const known = [...(before?.logprobs ?? []), ...(logprobs ?? [])];
    this.#events.push({
      type: 'text',
      text: (before?.text ?? '') + text,
      tokens: [...(before?.tokens ?? []), ...tokens],
      ...(known.length > 0 && { logprobs: known }),
    });
  }

  /** Emits a piece of a call in place of the text up to the current position, unless it has neither content nor ids. */
  emitCall(call: Omit<ToolCallEvent, 'type' | 'tokens'>): void {
    this.drop();
    const { tokens } = this.#takePieces(this.#emitted);
    const last = this.#events.at(-1);
    if (last?.type === 'tool_call' && last.index === call.index) {
      const joined = { arguments: last.arguments + call.arguments, tokens: [...last.tokens, ...tokens] };
      this.#events.splice(-1, 1, { ...last, ...joined });
    } else if (call.name !== undefined || call.arguments !== '' || tokens.length > 0) {
      this.#events.push({ type: 'tool_call', ...call, tokens });
    }
  }

  /** Removes the pieces that begin before an offset, and returns their ids and log probabilities. */
  #takePieces(end: number): Omit<Piece, 'text'> {
    const count = this.#pieces.findIndex(({ start }) => start >= end);
    return idsOf(this.#pieces.splice(0, count === -1 ? this.#pieces.length : count));
  }
}

function idsOf(pieces: readonly Piece[]): Omit<Piece, 'text'> {
  const logprobs = pieces.flatMap((piece) => piece.logprobs ?? []);
  return { tokens: pieces.flatMap(({ tokens }) => tokens), ...(logprobs.length > 0 && { logprobs }) };
}

function firstOf(text: string, markers: readonly string[]): [marker: string, index: number] | [undefined, -1] {
  let first: [string, number] | [undefined, -1] = [undefined, -1];
  for (const marker of markers) {
    const index = text.indexOf(marker);
    if (index !== -1 && (first[0] === undefined || index < first[1])) first = [marker, index];
  }
  return first;
}

/** Returns the number of last characters that could begin a marker. */
function longestBeginning(text: string, markers: readonly string[]): number {
  let longest = 0;
  for (const marker of markers) {
    for (let length = Math.min(marker.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(marker.slice(0, length))) longest = length;
    }
  }
  return longest;
}
