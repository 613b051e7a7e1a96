import type { TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { Piece } from './stop-filter.ts';

/** Turns the text of an answer, control tokens written out, into what is said and what is called. */
export interface AnswerParser {
  push(piece: Piece): readonly (TextEvent | ToolCallEvent)[];
  /** The answer is over: what was held back is said. */
  end(): readonly (TextEvent | ToolCallEvent)[];
  /** Whether a whole tool call has come. */
  readonly hasCalled: boolean;
  /** A call has begun and is not whole. */
  readonly isCut: boolean;
  /** Only one call was allowed, and it has come: what the model still generates is not part of the answer. */
  readonly isOver: boolean;
}
