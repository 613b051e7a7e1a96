import type { FinishEvent, SampledLogprob, TextEvent } from '@shoal/protocol';
import type { ShoalError } from '@shoal/protocol/error';
import { AnswerBuilder, type CompletedAnswer } from '../../answer.ts';
import type { AnswerContext, AnswerWriter, WrittenEvent } from '../../call.ts';
import { errorMessage } from '../errors.ts';
import { writeLogprobs } from '../logprobs.ts';
import { type AnswerForm, writeToolCalls } from './answer-form.ts';
import { type AnswerEnd, createdAt, writeLast } from './last-object.ts';

/** The end of a whole answer, before it is known which part of it was sent. */
export type EndOf = (answer: CompletedAnswer) => AnswerEnd;

/** The parts of an end that lines before it have had. */
const SENT = { text: '', thinking: undefined, toolCalls: undefined, logprobs: undefined };

/** Writes an answer as lines of JSON. `event` throws `GENERATION_FAILED` for a tool call that cannot be written. */
export class StreamWriter implements AnswerWriter {
  readonly contentType = 'application/x-ndjson';
  readonly #form: AnswerForm;
  readonly #context: AnswerContext;
  readonly #endOf: EndOf;
  readonly #answer = new AnswerBuilder();
  #model: string | undefined;
  /** The start of every line: constant while the model is the same. */
  #start = '';

  constructor(form: AnswerForm, context: AnswerContext, endOf: EndOf) {
    this.#form = form;
    this.#context = context;
    this.#endOf = endOf;
  }

  begin(): string {
    return '';
  }

  event(event: WrittenEvent): string {
    if (event.type === 'finish') return this.#finish(event);
    switch (event.type) {
      case 'text':
        return this.#text(event);
      case 'reasoning':
        return event.text === '' ? '' : this.#line(`"","thinking":${JSON.stringify(event.text)}`);
      case 'tool_call':
        // A call is known to be complete at the end of the answer.
        this.#answer.add(event);
        return '';
      default:
        return event satisfies never;
    }
  }

  /** An empty line would break clients. */
  keepAlive(): string {
    return this.#line('""');
  }

  /** The last line names the worker. */
  moved(): string {
    return '';
  }

  fail(error: ShoalError): string {
    return writeLine({ error: errorMessage(error) });
  }

  end(): string {
    return '';
  }

  #text(event: TextEvent): string {
    const { text, logprobs = [] } = event;
    if (this.#form.endHasText) this.#answer.add(event);
    return text === '' && logprobs.length === 0 ? '' : this.#line(JSON.stringify(text), logprobs);
  }

  #finish(event: FinishEvent): string {
    const answer = this.#answer.finish(event);
    if (answer === undefined) return '';
    const { toolCalls } = answer;
    const calls = toolCalls && this.#line(`"","tool_calls":${JSON.stringify(writeToolCalls(toolCalls))}`);
    const end = { ...this.#endOf(answer), ...SENT, beganAt: this.#context.beganAt() };
    return (calls ?? '') + writeLine(writeLast(this.#form, this.#context, end));
  }

  /** `content` is the JSON of the text, and of fields beside it. */
  #line(content: string, logprobs: readonly SampledLogprob[] = []): string {
    const model = this.#context.model();
    if (model !== this.#model) {
      this.#model = model;
      this.#start = `{"model":${JSON.stringify(model)},"created_at":"`;
    }
    const { open, close } = this.#form;
    const listed = logprobs.length === 0 ? '' : `,"logprobs":${JSON.stringify(writeLogprobs(logprobs))}`;
    return `${this.#start}${createdAt(this.#context)}",${open}${content}${close},"done":false${listed}}\n`;
  }
}

function writeLine(object: object): string {
  return `${JSON.stringify(object)}\n`;
}
