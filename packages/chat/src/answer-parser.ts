import type { TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { Piece } from './stop-filter.ts';

/** Turns the text of an answer, including control tokens, into text and tool calls. */
export interface AnswerParser {
  push(piece: Piece): readonly (TextEvent | ToolCallEvent)[];
  /** Returns the events of the held text at the end of the answer. */
  end(): readonly (TextEvent | ToolCallEvent)[];
  /** True after a complete tool call. */
  readonly hasCalled: boolean;
  /** True while a tool call is incomplete. */
  readonly isCut: boolean;
  /** True after the only allowed call: further text does not belong to the answer. */
  readonly isOver: boolean;
}
