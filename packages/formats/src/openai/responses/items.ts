import type { FinishReason, SampledLogprob } from '@shoal/protocol';
import type { ToolCall } from '@shoal/protocol/request';
import type { CompletedAnswer } from '../../answer.ts';
import { writeOutputLogprobs } from './logprobs.ts';

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

interface InputText {
  readonly type: 'input_text';
  readonly text: string;
}

export interface OutputText {
  readonly type: 'output_text';
  readonly text: string;
  readonly annotations: readonly object[];
  readonly logprobs: readonly object[];
}

export interface ReasoningText {
  readonly type: 'reasoning_text';
  readonly text: string;
}

export interface MessageItem {
  /** Undefined until the response is stored, if the client gave none. */
  readonly id?: string | undefined;
  readonly type: 'message';
  readonly status: ItemStatus;
  readonly role: 'user' | 'assistant' | 'system' | 'developer';
  readonly content: readonly (InputText | OutputText)[];
}

export interface FunctionCallItem {
  readonly id?: string | undefined;
  readonly type: 'function_call';
  readonly status: ItemStatus;
  readonly call_id: string;
  readonly name: string;
  readonly arguments: string;
}

interface FunctionCallOutputItem {
  readonly id?: string | undefined;
  readonly type: 'function_call_output';
  readonly status: ItemStatus;
  readonly call_id: string;
  readonly output: string;
}

interface ReasoningItem {
  readonly id: string;
  readonly type: 'reasoning';
  readonly status: ItemStatus;
  readonly summary: readonly object[];
  readonly content: readonly ReasoningText[];
}

/** An item of a conversation that reaches the model. */
export type InputItem = MessageItem | FunctionCallItem | FunctionCallOutputItem;

/** An item of an answer. */
export type OutputItem = ReasoningItem | MessageItem | FunctionCallItem;

/** Returns the ids of a response and its items. They depend on the id of the answer alone, so that all forms agree. */
export const idsOf = (id: string) => ({
  response: `resp_${id}`,
  /** An answer has one reasoning and one message, unless its events alternate. */
  reasoning: (index: number) => numbered(`rs_${id}`, index),
  message: (index: number) => numbered(`msg_${id}`, index),
  call: (index: number) => `fc_${id}_${index}`,
  input: (index: number) => `item_${id}_${index}`,
});

/** The kinds of output items that are text. */
export type TextKind = 'message' | 'reasoning';

export interface SampledText {
  readonly text: string;
  /** Of a message only, if requested. */
  readonly logprobs: readonly SampledLogprob[];
}

/** Returns a part of the text of an output item. */
export function writePart(kind: TextKind, { text, logprobs }: SampledText): OutputText | ReasoningText {
  return kind === 'message' ? outputText(text, logprobs) : { type: 'reasoning_text', text };
}

/** Returns an output item of text. It has one part, or none as long as there is no text. */
export function writeTextItem(kind: TextKind, id: string, status: ItemStatus, part?: SampledText): OutputItem {
  const parts = part === undefined ? [] : [part];
  return kind === 'message'
    ? {
        id,
        type: kind,
        status,
        role: 'assistant',
        content: parts.map(({ text, logprobs }) => outputText(text, logprobs)),
      }
    : { id, type: kind, status, summary: [], content: parts.map(({ text }) => ({ type: 'reasoning_text', text })) };
}

export function writeCallItem(id: string, status: ItemStatus, call: ToolCall): OutputItem {
  // A call without an id still needs one that the client can name.
  const callId = call.id === '' ? `call_${id}` : call.id;
  return { id, type: 'function_call', status, call_id: callId, name: call.name, arguments: call.arguments };
}

/** Returns the items of a whole answer. An answer without any content is an empty message. */
export function outputOf(answer: CompletedAnswer, id: string): readonly OutputItem[] {
  const { text, reasoning, toolCalls = [], logprobs = [], finishReason } = answer;
  const ids = idsOf(id);
  const isEmpty = reasoning === undefined && toolCalls.length === 0;
  const items: OutputItem[] = [];
  if (reasoning !== undefined) {
    items.push(writeTextItem('reasoning', ids.reasoning(0), 'completed', { text: reasoning, logprobs: [] }));
  }
  if (text !== '' || logprobs.length > 0 || isEmpty) {
    items.push(writeTextItem('message', ids.message(0), 'completed', { text, logprobs }));
  }
  items.push(...toolCalls.map((call, index) => writeCallItem(ids.call(index), 'completed', call)));
  const last = items.at(-1);
  return items.map((item) => ({ ...item, status: endStatus(finishReason, item === last) }));
}

/** The last item of an answer that reached a limit is incomplete. */
export function endStatus(reason: FinishReason, isLast: boolean): ItemStatus {
  return reason === 'length' && isLast ? 'incomplete' : 'completed';
}

export function outputText(text: string, logprobs: readonly SampledLogprob[]): OutputText {
  return { type: 'output_text', text, annotations: [], logprobs: writeOutputLogprobs(logprobs) };
}

function numbered(id: string, index: number): string {
  return index === 0 ? id : `${id}_${index}`;
}
