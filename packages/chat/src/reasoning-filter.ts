import type { ReasoningEvent, TextEvent } from '@shoal/protocol';
import type { AnswerReasoning } from './answer-reasoning.ts';
import type { Piece } from './stop-filter.ts';
import { AnswerScanner, type Reading } from './tools/answer-scanner.ts';
import { readText } from './tools/tool-format.ts';

/**
 * Separates a model's reasoning from the text of its answer. Reasoning comes first, and the first end marker ends it. The
 * markers and the space around them are dropped; their ids come with the reasoning. Each id is returned once, in order.
 */
export class ReasoningFilter {
  readonly #scan = new AnswerScanner();
  readonly #reading: Reading<void>;
  readonly #events: (ReasoningEvent | TextEvent)[] = [];
  #isReasoning = false;

  constructor(reasoning: AnswerReasoning) {
    this.#reading = this.#read(reasoning);
  }

  push(piece: Piece): readonly (ReasoningEvent | TextEvent)[] {
    this.#scan.push(piece);
    this.#reading.next();
    return this.#take();
  }

  /** Returns the events of the held text at the end of the answer. */
  end(): readonly (ReasoningEvent | TextEvent)[] {
    this.#scan.end();
    this.#reading.next();
    this.#collect();
    this.#add(this.#scan.takeRemaining());
    return this.#take();
  }

  *#read({ start, end, hasBegun }: AnswerReasoning): Reading<void> {
    const scan = this.#scan;
    if (!hasBegun) {
      yield* scan.skipSpace();
      if (!(yield* scan.match(start))) return yield* readText(scan);
    }
    this.#isReasoning = true;
    yield* scan.skipSpace();
    scan.drop();
    yield* scan.find([`\n\n${end}`, `\n${end}`, end]);
    scan.dropWithIds();
    yield* scan.skipSpace();
    scan.dropWithIds();
    this.#collect();
    this.#isReasoning = false;
    yield* readText(scan);
  }

  #take(): readonly (ReasoningEvent | TextEvent)[] {
    this.#collect();
    return this.#events.splice(0);
  }

  #collect(): void {
    this.#add(this.#scan.takeEvents());
  }

  #add(events: ReturnType<AnswerScanner['takeEvents']>): void {
    for (const event of events) {
      if (event.type !== 'text') continue;
      const { text, tokens } = event;
      this.#events.push(this.#isReasoning ? { type: 'reasoning', text, tokens } : event);
    }
  }
}
