import type { ReasoningEvent, SampledLogprob, TextEvent } from '@shoal/protocol';
import type { AnswerParser } from '@shoal/chat';
import { TextFilter } from '@shoal/chat/text-filter';
import type { GenerateRequest, OutputEvent } from './messages.ts';
import type { Vocabulary } from './native/vocabulary.ts';
import type { EncodedRequest } from './prompt.ts';
import { TokenText } from './token-text.ts';

/** Turns the tokens of one answer into events: reasoning, text up to a stop string, and tool calls. */
export class AnswerText {
  readonly #text: TokenText;
  readonly #filter: TextFilter;
  readonly #parser: AnswerParser | undefined;

  constructor(vocabulary: Vocabulary, request: GenerateRequest, { parser, reasoning }: EncodedRequest) {
    // Markers may be control tokens, which have no text otherwise.
    const markers = reasoning === undefined ? [] : [reasoning.start, reasoning.end];
    const shown = new Set(markers.flatMap((text) => vocabulary.tokenize(text, { special: false, control: true })));
    this.#text = new TokenText((token) => vocabulary.piece(token, parser !== undefined || shown.has(token)));
    this.#filter = new TextFilter(request, reasoning);
    this.#parser = parser;
  }

  /** True after a stop string. */
  get isStopped(): boolean {
    return this.#filter.stopped;
  }

  /** True after the only allowed call. */
  get isOver(): boolean {
    return this.#parser?.isOver === true;
  }

  /** True while a tool call is incomplete. */
  get isCut(): boolean {
    return this.#parser?.isCut === true;
  }

  get hasCalled(): boolean {
    return this.#parser?.hasCalled === true;
  }

  /** Adds a token that was sent already. */
  restore(token: number): void {
    const piece = this.#text.push(token);
    if (piece !== undefined) for (const text of this.#filter.restore(piece)) this.#parser?.push(text);
  }

  push(token: number, logprob: SampledLogprob | undefined): readonly OutputEvent[] {
    const piece = this.#text.push(token, logprob);
    return piece === undefined ? [] : this.#parse(this.#filter.push(piece));
  }

  /** Returns the events of everything that was held. */
  end(): readonly OutputEvent[] {
    const rest = this.isStopped ? undefined : this.#text.end();
    const last = rest === undefined ? [] : this.#filter.push(rest);
    return [...this.#parse([...last, ...this.#filter.end()]), ...(this.#parser?.end() ?? [])];
  }

  #parse(events: readonly (ReasoningEvent | TextEvent)[]): readonly OutputEvent[] {
    const parser = this.#parser;
    if (parser === undefined) return events;
    return events.flatMap((event): readonly OutputEvent[] => (event.type === 'text' ? parser.push(event) : [event]));
  }
}
