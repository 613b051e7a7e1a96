import type { TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { Piece } from '../stop-filter.ts';

/** Reads on each time that text has come; what it returns at last is what it found. */
export type Reading<Found> = Generator<void, Found, void>;

type ParsedEvent = TextEvent | ToolCallEvent;

interface PositionedPiece extends Piece {
  /** Where its text begins in the answer. */
  readonly start: number;
}

/**
 * The text of an answer while it comes. A reading moves over it and says what it was: text, or a call. What was moved
 * over and not said yet can be given back as text. The ids of a piece go out with the first event that has any of its
 * text, or lies behind it; so whoever goes on from the ids that were given out repeats nothing.
 */
export class AnswerScanner {
  #pieces: PositionedPiece[] = [];
  /** What was not said yet; `#emitted` characters were. */
  #text = '';
  #emitted = 0;
  #at = 0;
  #isOver = false;
  #events: ParsedEvent[] = [];

  push(piece: Piece): void {
    this.#pieces.push({ ...piece, start: this.#emitted + this.#text.length });
    this.#text += piece.text;
  }

  /** No more text comes. */
  end(): void {
    this.#isOver = true;
  }

  /** What was said since the last time; pieces of one text or one call are one event. */
  takeEvents(): readonly ParsedEvent[] {
    return this.#events.splice(0);
  }

  /** Ids that no event has taken. */
  takeRemaining(): readonly ParsedEvent[] {
    const rest = this.#takePieces(Infinity);
    return rest.tokens.length > 0 ? [{ type: 'text', text: '', ...rest }] : [];
  }

  /** Says all text before the first of the markers, and moves behind that. Undefined where none comes. */
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

  /** The next character, or undefined at the end; stays before it. */
  *peek(): Reading<string | undefined> {
    while (this.#at >= this.#text.length && !this.#isOver) yield;
    return this.#text[this.#at];
  }

  advance(characters: number): void {
    this.#at += characters;
  }

  /** What has come and was not moved over. */
  get ahead(): string {
    return this.#text.slice(this.#at);
  }

  *skipSpace(): Reading<void> {
    for (let char = yield* this.peek(); char !== undefined && /\s/.test(char); char = yield* this.peek()) this.#at++;
  }

  /** Moves over the literal where it stands next. */
  *match(literal: string): Reading<boolean> {
    while (this.ahead.length < literal.length && literal.startsWith(this.ahead) && !this.#isOver) yield;
    const isNext = this.#text.startsWith(literal, this.#at);
    if (isNext) this.#at += literal.length;
    return isNext;
  }

  /** Space before one of the markers, or before the end, is no text. */
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

  /** Moves over the marker that ends a call, and space before it; an answer may end within it, or lack it. */
  *skipEndMarker(marker: string): Reading<void> {
    const begin = this.#at;
    yield* this.skipSpace();
    if (yield* this.match(marker)) return;
    this.#at = marker.startsWith(this.ahead) ? this.#text.length : begin;
  }

  /** What was moved over says nothing by itself. */
  drop(): void {
    this.#emitted += this.#at;
    this.#text = this.#text.slice(this.#at);
    this.#at = 0;
  }

  /** What was moved over and not said is text after all. */
  emitAsText(): void {
    if (this.#at > 0) this.emitText(this.#text.slice(0, this.#at));
  }

  /** What was moved over means this text. */
  emitText(text: string): void {
    this.drop();
    const { tokens, logprobs } = this.#takePieces(this.#emitted);
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

  /** What was moved over is a piece of a call; nothing is said where that has neither text nor ids. */
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

  /** The ids of the pieces that begin before a place. */
  #takePieces(end: number): Omit<Piece, 'text'> {
    const count = this.#pieces.findIndex(({ start }) => start >= end);
    const pieces = this.#pieces.splice(0, count === -1 ? this.#pieces.length : count);
    const logprobs = pieces.flatMap((piece) => piece.logprobs ?? []);
    return { tokens: pieces.flatMap(({ tokens }) => tokens), ...(logprobs.length > 0 && { logprobs }) };
  }
}

function firstOf(text: string, markers: readonly string[]): [marker: string, index: number] | [undefined, -1] {
  let first: [string, number] | [undefined, -1] = [undefined, -1];
  for (const marker of markers) {
    const index = text.indexOf(marker);
    if (index !== -1 && (first[0] === undefined || index < first[1])) first = [marker, index];
  }
  return first;
}

/** How many characters at the end of `text` could be the beginning of a marker. */
function longestBeginning(text: string, markers: readonly string[]): number {
  let longest = 0;
  for (const marker of markers) {
    for (let length = Math.min(marker.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(marker.slice(0, length))) longest = length;
    }
  }
  return longest;
}
