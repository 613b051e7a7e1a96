import type { FinishEvent, SampledLogprob, ToolCallEvent } from '@shoal/protocol';
import type { ShoalError } from '@shoal/protocol/error';
import type { AnswerContext, AnswerWriter, WrittenEvent } from '../../call.ts';
import { EVENT_STREAM, writeMoved } from '../../server-sent-events.ts';
import { BegunCall, type BegunItem, BegunText } from './begun-items.ts';
import { writeResponseError } from './errors.ts';
import { EventWriter } from './events.ts';
import { endStatus, idsOf, type TextKind } from './items.ts';
import type { Settings } from './request.ts';
import { type AnswerState, endOf, type ResponseObject, writeResponse } from './response.ts';

/**
 * Writes a streamed response (https://platform.openai.com/docs/api-reference/responses-streaming). Its last event is
 * `response.completed`, `response.incomplete` or `response.failed`.
 */
export class ResponseWriter implements AnswerWriter {
  readonly contentType = EVENT_STREAM;
  /** Clients see the failure in the events. Codex drops events that came right before a broken connection. */
  readonly endsAfterFailure = true;
  readonly #settings: Settings;
  readonly #context: AnswerContext;
  readonly #events = new EventWriter();
  /** In the order of the output. */
  readonly #items: BegunItem[] = [];
  /** The text that the next piece may continue. */
  #text: BegunText | undefined;
  readonly #textCounts = { message: 0, reasoning: 0 };
  /** By the index of the call. */
  readonly #calls = new Map<number, BegunCall>();

  constructor(settings: Settings, context: AnswerContext) {
    this.#settings = settings;
    this.#context = context;
  }

  begin(): string {
    // The response may be long: it repeats instructions and tools.
    const fields = JSON.stringify({ response: this.#response({ status: 'in_progress', output: [] }) });
    return this.#events.writeJson('response.created', fields) + this.#events.writeJson('response.in_progress', fields);
  }

  event(event: WrittenEvent): string {
    switch (event.type) {
      case 'text':
        return this.#addText('message', event.text, event.logprobs);
      case 'reasoning':
        return this.#addText('reasoning', event.text);
      case 'tool_call':
        return this.#addCall(event);
      case 'finish':
        return this.#finish(event);
      default:
        return event satisfies never;
    }
  }

  /** Clients wait for events, and not for comments. The items are repeated because clients take this response for theirs. */
  keepAlive(): string {
    const output = this.#items.map((item) => item.write('in_progress'));
    return this.#events.write('response.in_progress', { response: this.#response({ status: 'in_progress', output }) });
  }

  moved(worker: string): string {
    return writeMoved(worker);
  }

  /** The npm package `openai` reads the event `error`, and Codex reads `response.failed`. OpenAI sends both. */
  fail(error: ShoalError): string {
    const written = writeResponseError(error);
    const output = this.#items.map((item) => item.write('incomplete'));
    const flat = { ...written, param: null };
    return (
      // OpenAI documents these fields, and sends them in an object.
      this.#events.write('error', { ...flat, error: { type: written.code, ...flat } }) +
      this.#events.write('response.failed', { response: this.#response({ status: 'failed', output, error: written }) })
    );
  }

  end(): string {
    return '';
  }

  #addText(kind: TextKind, text: string, logprobs: readonly SampledLogprob[] = []): string {
    if (text === '' && logprobs.length === 0) return '';
    if (this.#text?.kind === kind) return this.#text.add(text, logprobs);
    const { item, events } = this.#beginText(kind);
    return events + item.add(text, logprobs);
  }

  #beginText(kind: TextKind): { readonly item: BegunText; readonly events: string } {
    const id = idsOf(this.#context.id)[kind](this.#textCounts[kind]++);
    const item = new BegunText(kind, { id, index: this.#items.length }, this.#events);
    const events = this.#begin(item);
    this.#text = item;
    return { item, events };
  }

  /** A piece for a call whose arguments were whole is blank, and left out. */
  #addCall({ index, id = '', name = '', arguments: text }: ToolCallEvent): string {
    const begun = this.#calls.get(index);
    if (begun !== undefined) return begun.isOpen ? begun.add(text) : '';
    const place = { id: idsOf(this.#context.id).call(index), index: this.#items.length };
    const call = new BegunCall(place, id, name, this.#events);
    this.#calls.set(index, call);
    return this.#begin(call) + call.add(text);
  }

  /** Ends the items before this one, unless more of them may come. */
  #begin(item: BegunItem): string {
    const ended = this.#items.map((one) => (one.isOpen && one.isWhole ? one.end('completed') : ''));
    this.#text = undefined;
    this.#items.push(item);
    return ended.join('') + item.begin();
  }

  /** An answer without any content is an empty message. */
  #finish({ reason, usage }: FinishEvent): string {
    const empty = this.#items.length === 0 ? this.#beginText('message').events : '';
    const last = this.#items.at(-1);
    const ended = this.#items.map((item) => (item.isOpen ? item.end(endStatus(reason, item === last)) : ''));
    const status = endOf(reason);
    const output = this.#items.map((item) => item.write('completed'));
    const response = this.#response({ status, output, usage });
    return empty + ended.join('') + this.#events.write(`response.${status}`, { response });
  }

  #response(state: AnswerState): ResponseObject {
    return writeResponse(this.#settings, this.#context, state);
  }
}
