import type { TextEvent, ToolCallEvent } from '@shoal/protocol';
import type { AnswerContext, WrittenEvent } from '../../call.ts';
import { type ChunkFormat, ChunkWriter } from '../chunk-writer.ts';
import { writeChoiceLogprobs } from '../logprobs.ts';
import { lineOf } from '../../server-sent-events.ts';
import { writeReasoning } from './response.ts';

const FORMAT: ChunkFormat = {
  idPrefix: 'chatcmpl-',
  object: 'chat.completion.chunk',
  field: 'delta',
  textOpening: '{"content":',
  textClosing: '}',
};
const FIRST_DELTA = JSON.stringify({ role: 'assistant', content: '', refusal: null });

/** Writes `chat.completion.chunk` objects (https://platform.openai.com/docs/api-reference/chat/streaming). */
export class ChatStreamWriter extends ChunkWriter {
  constructor(context: AnswerContext, includesUsage: boolean) {
    super(context, FORMAT, includesUsage);
  }

  protected override open(choice: number): string {
    return this.chunk(choice, FIRST_DELTA);
  }

  protected override write(event: WrittenEvent, choice: number): string {
    switch (event.type) {
      case 'text':
        return this.#text(event, choice);
      case 'reasoning':
        return event.text === '' ? '' : this.chunk(choice, lineOf(writeReasoning(event.text)));
      case 'tool_call':
        return this.chunk(choice, lineOf({ tool_calls: [writeToolCallDelta(event)] }));
      case 'finish':
        return this.lastChunk(choice, '{}', event);
      default:
        return event satisfies never;
    }
  }

  #text({ text, logprobs }: TextEvent, choice: number): string {
    if (logprobs !== undefined && logprobs.length > 0) {
      return this.chunk(choice, lineOf({ content: text }), writeChoiceLogprobs(logprobs));
    }
    return text === '' ? '' : this.textChunk(choice, text);
  }
}

/** The first piece of a call has its id and name. */
function writeToolCallDelta({ index, id, name, arguments: text }: ToolCallEvent): object {
  if (id === undefined && name === undefined) return { index, function: { arguments: text } };
  return { index, id, type: 'function', function: { name, arguments: text } };
}
