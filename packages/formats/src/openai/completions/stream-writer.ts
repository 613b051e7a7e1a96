import type { TextEvent } from '@shoal/protocol';
import type { AnswerContext, WrittenEvent } from '../../call.ts';
import { type ChunkFormat, ChunkWriter } from '../chunk-writer.ts';
import { lineOf } from '../../server-sent-events.ts';
import { characterCount, writeTextLogprobs } from './logprobs.ts';

const FORMAT: ChunkFormat = {
  idPrefix: 'cmpl-',
  object: 'text_completion',
  field: 'text',
  textOpening: '',
  textClosing: '',
};
const NO_TEXT = '""';

/** Writes the `text_completion` objects of a stream. `echo` is the text before each answer. */
export class CompletionStreamWriter extends ChunkWriter {
  readonly #echo: string;
  /** Characters of the tokens that each choice has so far. */
  readonly #offsets: number[] = [];

  constructor(context: AnswerContext, includesUsage: boolean, echo: string) {
    super(context, FORMAT, includesUsage);
    this.#echo = echo;
  }

  protected override open(choice: number): string {
    return this.#echo === '' ? '' : this.textChunk(choice, this.#echo);
  }

  protected override write(event: WrittenEvent, choice: number): string {
    switch (event.type) {
      case 'text':
        return this.#text(event, choice);
      case 'reasoning':
      case 'tool_call':
        // Raw text has neither.
        return '';
      case 'finish':
        return this.lastChunk(choice, NO_TEXT, event);
      default:
        return event satisfies never;
    }
  }

  #text({ text, logprobs = [] }: TextEvent, choice: number): string {
    if (logprobs.length === 0) return text === '' ? '' : this.textChunk(choice, text);
    const offset = this.#offsets[choice] ?? 0;
    this.#offsets[choice] = logprobs.reduce((sum, token) => sum + characterCount(token.text), offset);
    return this.chunk(choice, lineOf(text), writeTextLogprobs(logprobs, offset));
  }
}
