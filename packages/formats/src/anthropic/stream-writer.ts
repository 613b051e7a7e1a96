import type { FinishEvent, ToolCallEvent } from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { AnswerContext, AnswerWriter, WrittenEvent } from '../call.ts';
import { END, EVENT_STREAM, lineOf, writeMoved } from '../server-sent-events.ts';
import { writeStreamError } from './errors.ts';
import {
  type AnswerOptions,
  emptyMessage,
  textBlock,
  thinkingBlock,
  toolUseBlock,
  writeCounts,
  writeEnding,
} from './response.ts';

const PING = 'event: ping\ndata: {"type": "ping"}\n\n';
const DELTA_END = `}}${END}`;
/** The types of pieces of a block, and the fields that have their text. */
const DELTAS = {
  text: ['text_delta', 'text'],
  thinking: ['thinking_delta', 'thinking'],
  tool_use: ['input_json_delta', 'partial_json'],
} as const;

type BlockType = keyof typeof DELTAS;

/**
 * Writes a streamed message (https://docs.anthropic.com/en/docs/build-with-claude/streaming). `message_start` is sent with
 * the first event, when the model is known; clients accept pings before it.
 */
export class StreamWriter implements AnswerWriter {
  readonly contentType = EVENT_STREAM;
  readonly #options: AnswerOptions;
  readonly #context: AnswerContext;
  #hasStarted = false;
  /** The block that is open. */
  #type: BlockType | undefined;
  #index = -1;
  /** The text of a delta up to its JSON string. */
  #deltaStart = '';
  /** The index of the latest tool call. */
  #call = -1;
  readonly #callsWithoutArguments = new Set<number>();

  constructor(options: AnswerOptions, context: AnswerContext) {
    this.#options = options;
    this.#context = context;
  }

  begin(): string {
    return '';
  }

  event(event: WrittenEvent): string {
    switch (event.type) {
      case 'text':
        return this.#text('text', event.text);
      case 'reasoning':
        return this.#options.showsThinking ? this.#text('thinking', event.text) : this.#start();
      case 'tool_call':
        return this.#toolCall(event);
      case 'finish':
        return this.#finish(event);
      default:
        return event satisfies never;
    }
  }

  keepAlive(): string {
    return PING;
  }

  moved(worker: string): string {
    return writeMoved(worker);
  }

  fail(error: ShoalError): string {
    return writeEvent('error', writeStreamError(error));
  }

  end(): string {
    return '';
  }

  #text(type: 'text' | 'thinking', text: string): string {
    if (text === '') return '';
    if (this.#type === type) return this.#delta(text);
    return this.#open(type, type === 'text' ? textBlock('') : thinkingBlock('')) + this.#delta(text);
  }

  /** A block ends where the next one begins. A late `{}` for a call without arguments is what its block means already. */
  #toolCall({ index, id = '', name, arguments: text }: ToolCallEvent): string {
    if (index > this.#call && name !== undefined) {
      this.#call = index;
      this.#callsWithoutArguments.add(index);
      const block = toolUseBlock({ id, name }, index, {}, this.#context);
      return this.#open('tool_use', block) + this.#arguments(text);
    }
    if (index === this.#call && this.#type === 'tool_use') return this.#arguments(text);
    if (text === '' || (text === '{}' && this.#callsWithoutArguments.has(index))) return '';
    throw ShoalError.generationFailed('The pieces of the tool calls are out of order.');
  }

  #arguments(text: string): string {
    if (text === '') return '';
    this.#callsWithoutArguments.delete(this.#call);
    return this.#delta(text);
  }

  #finish({ reason, rawReason, usage }: FinishEvent): string {
    const delta = { container: null, ...writeEnding({ reason, rawReason }, this.#options) };
    return (
      this.#start() +
      this.#close() +
      writeEvent('message_delta', { delta, usage: writeCounts(usage) }) +
      writeEvent('message_stop')
    );
  }

  #start(): string {
    if (this.#hasStarted) return '';
    this.#hasStarted = true;
    return writeEvent('message_start', { message: emptyMessage(this.#context) });
  }

  #open(type: BlockType, block: object): string {
    const closed = this.#start() + this.#close();
    const index = ++this.#index;
    this.#type = type;
    const [delta, field] = DELTAS[type];
    this.#deltaStart =
      'event: content_block_delta\ndata: {"type":"content_block_delta",' +
      `"index":${index},"delta":{"type":"${delta}","${field}":`;
    return closed + writeEvent('content_block_start', { index, content_block: block });
  }

  #delta(text: string): string {
    return this.#deltaStart + lineOf(text) + DELTA_END;
  }

  #close(): string {
    if (this.#type === undefined) return '';
    this.#type = undefined;
    return writeEvent('content_block_stop', { index: this.#index });
  }
}

function writeEvent(type: string, fields: object = {}): string {
  return `event: ${type}\ndata: ${lineOf({ type, ...fields })}${END}`;
}
