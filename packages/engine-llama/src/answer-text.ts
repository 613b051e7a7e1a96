import type { SampledLogprob } from '@shoal/protocol';
import { type AnswerParser, ReasoningFilter } from '@shoal/chat';
import { type Piece, StopFilter } from '@shoal/chat/stop-filter';
import type { GenerateRequest, OutputEvent } from './messages.ts';
import type { Vocabulary } from './native/vocabulary.ts';
import type { EncodedRequest } from './prompt.ts';
import { TokenText } from './token-text.ts';

/** Turns the tokens of one answer into events: reasoning, text up to a stop string, and tool calls. */
export class AnswerText {
  readonly #text: TokenText;
  readonly #reasoning: ReasoningFilter | undefined;
  readonly #sendsReasoning: boolean;
  readonly #stops: StopFilter;
  readonly #parser: AnswerParser | undefined;

  constructor(
    vocabulary: Vocabulary,
    { stop, reasoning: sendsReasoning = false }: GenerateRequest,
    { parser, reasoning }: EncodedRequest,
  ) {
    // Markers may be control tokens, which have no text otherwise.
    const markers = reasoning === undefined ? [] : [reasoning.start, reasoning.end];
    const shown = new Set(markers.flatMap((text) => vocabulary.tokenize(text, { special: false, control: true })));
    this.#text = new TokenText((token) => vocabulary.piece(token, parser !== undefined || shown.has(token)));
    this.#reasoning = reasoning === undefined ? undefined : new ReasoningFilter(reasoning);
    this.#sendsReasoning = sendsReasoning;
    this.#stops = new StopFilter(stop);
    this.#parser = parser;
  }

  /** True after a stop string. */
  get isStopped(): boolean {
    return this.#stops.stopped;
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
    if (piece === undefined) return;
    const events = this.#reasoning?.push(piece) ?? [{ type: 'text', ...piece }];
    for (const event of events) if (event.type === 'text') this.#parser?.push(event);
  }

  push(token: number, logprob: SampledLogprob | undefined): readonly OutputEvent[] {
    const piece = this.#text.push(token, logprob);
    return piece === undefined ? [] : this.#separate(piece);
  }

  /** Returns the events of everything that was held. */
  end(): readonly OutputEvent[] {
    const events: OutputEvent[] = [];
    if (!this.isStopped) {
      const rest = this.#text.end();
      if (rest !== undefined) events.push(...this.#separate(rest));
      events.push(...this.#emit(this.#reasoning?.end() ?? []));
    }
    if (!this.isStopped) events.push(...this.#parse(this.#stops.end()));
    return [...events, ...(this.#parser?.end() ?? [])];
  }

  #separate(piece: Piece): readonly OutputEvent[] {
    return this.#reasoning === undefined
      ? this.#parse(this.#stops.push(piece))
      : this.#emit(this.#reasoning.push(piece));
  }

  /** Reasoning that is not sent becomes a text without content, so that its ids are sent. */
  #emit(separated: ReturnType<ReasoningFilter['push']>): readonly OutputEvent[] {
    return separated.flatMap((event): readonly OutputEvent[] => {
      if (this.isStopped) return [];
      if (event.type === 'text') return this.#parse(this.#stops.push(event));
      if (this.#sendsReasoning) return [event];
      return event.tokens.length === 0 ? [] : [{ type: 'text', text: '', tokens: event.tokens }];
    });
  }

  #parse(piece: Piece | undefined): readonly OutputEvent[] {
    if (piece === undefined) return [];
    return this.#parser === undefined ? [{ type: 'text', ...piece }] : this.#parser.push(piece);
  }
}
