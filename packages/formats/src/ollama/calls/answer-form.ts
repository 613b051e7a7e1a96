import type { ToolCall } from '@shoal/protocol/request';
import { writeToolCall } from '../tool-calls.ts';

/** The parts of an answer that one object carries. */
export interface AnswerParts {
  readonly text: string;
  readonly thinking?: string | undefined;
  readonly toolCalls?: readonly ToolCall[] | undefined;
}

/** The place of the answer in an object: `message` of a chat, fields of the object itself of generate. */
export interface AnswerForm {
  /** JSON between the field before the answer and the text of the answer. */
  readonly open: string;
  /** JSON between the answer and the field after it. */
  readonly close: string;
  /** True if the end of an answer may contain its whole text again. */
  readonly endHasText: boolean;
  fields(parts: AnswerParts): object;
}

export const chatForm: AnswerForm = {
  open: '"message":{"role":"assistant","content":',
  close: '}',
  endHasText: false,
  fields: ({ text, thinking, toolCalls }) => ({
    message: {
      role: 'assistant',
      content: text,
      thinking,
      tool_calls: toolCalls && writeToolCalls(toolCalls),
    },
  }),
};

export const generateForm: AnswerForm = {
  open: '"response":',
  close: '',
  endHasText: true,
  fields: ({ text, thinking }) => ({ response: text, thinking }),
};

/** Throws `GENERATION_FAILED` if the model wrote arguments that are not an object. */
export function writeToolCalls(calls: readonly ToolCall[]): readonly object[] {
  return calls.map((call, index) => writeToolCall(call, index, 'GENERATION_FAILED'));
}
