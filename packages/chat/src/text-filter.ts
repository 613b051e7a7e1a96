import type { ReasoningEvent, TextEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { AnswerReasoning } from './answer-reasoning.ts';
import { ReasoningFilter } from './reasoning-filter.ts';
import { type Piece, StopFilter } from './stop-filter.ts';

/** Separates the reasoning of an answer, and ends its text before the first stop string. */
export class TextFilter {
  readonly #reasoning: ReasoningFilter | undefined;
  readonly #sendsReasoning: boolean;
  readonly #stops: StopFilter;

  /** `reasoning` is the reasoning to separate, if any. It is only sent if the request asks for it. */
  constructor(request: Pick<InferenceRequest, 'stop' | 'reasoning'>, reasoning: AnswerReasoning | undefined) {
    this.#reasoning = reasoning === undefined ? undefined : new ReasoningFilter(reasoning);
    this.#sendsReasoning = request.reasoning === true;
    this.#stops = new StopFilter(request.stop);
  }

  /** True after a stop string. Do not push any more pieces then. */
  get stopped(): boolean {
    return this.#stops.stopped;
  }

  push(piece: Piece): readonly (ReasoningEvent | TextEvent)[] {
    return this.#filter(this.#reasoning?.push(piece) ?? [{ type: 'text', ...piece }]);
  }

  /** Adds a piece that was sent already. Returns its text. */
  restore(piece: Piece): readonly Piece[] {
    return this.#reasoning?.push(piece).filter(({ type }) => type === 'text') ?? [piece];
  }

  /** Returns the events of the held text at the end of the answer. */
  end(): readonly (ReasoningEvent | TextEvent)[] {
    if (this.stopped) return [];
    const events = this.#filter(this.#reasoning?.end() ?? []);
    return this.stopped ? events : [...events, ...textEvent(this.#stops.end())];
  }

  /** Reasoning that is not sent becomes a text without content, so that its ids are sent. */
  #filter(separated: readonly (ReasoningEvent | TextEvent)[]): readonly (ReasoningEvent | TextEvent)[] {
    return separated.flatMap((event): readonly (ReasoningEvent | TextEvent)[] => {
      if (this.stopped) return [];
      if (event.type === 'text') return textEvent(this.#stops.push(event));
      if (this.#sendsReasoning) return [event];
      return event.tokens.length === 0 ? [] : [{ type: 'text', text: '', tokens: event.tokens }];
    });
  }
}

function textEvent(piece: Piece | undefined): readonly TextEvent[] {
  return piece === undefined ? [] : [{ ...piece, type: 'text' }];
}
