import type { SampledLogprob } from '@shoal/protocol';
import { parseObject } from '../../json.ts';
import type { EventWriter } from './events.ts';
import { type ItemStatus, type OutputItem, type TextKind, writeCallItem, writePart, writeTextItem } from './items.ts';
import { writeOutputLogprobs } from './logprobs.ts';

/** The id of an item, and its index in the output. */
export interface Place {
  readonly id: string;
  readonly index: number;
}

/** An item of a streamed answer. Methods with a text as result return the events to send. */
export interface BegunItem {
  readonly isOpen: boolean;
  /** True if its pieces so far may be all: nothing follows them when another item begins. */
  readonly isWhole: boolean;
  begin(): string;
  end(status: ItemStatus): string;
  /** Returns the item with its pieces so far. `status` is for an item that is open. */
  write(status: ItemStatus): OutputItem;
}

/** A message or reasoning: an item with one part of text. */
export class BegunText implements BegunItem {
  readonly kind: TextKind;
  readonly isWhole = true;
  readonly #place: Place;
  readonly #part: object;
  readonly #events: EventWriter;
  readonly #type: string;
  readonly #writeDelta: (delta: string) => string;
  readonly #logprobs: SampledLogprob[] = [];
  #text = '';
  #ended: ItemStatus | undefined;

  constructor(kind: TextKind, place: Place, events: EventWriter) {
    this.kind = kind;
    this.#place = place;
    this.#part = { item_id: place.id, output_index: place.index, content_index: 0 };
    this.#events = events;
    this.#type = kind === 'message' ? 'response.output_text' : 'response.reasoning_text';
    this.#writeDelta = events.deltas(`${this.#type}.delta`, { ...this.#part, ...this.#written([]) });
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  begin(): string {
    const item = writeTextItem(this.kind, this.#place.id, 'in_progress');
    const part = writePart(this.kind, { text: '', logprobs: [] });
    return (
      this.#events.write('response.output_item.added', { output_index: this.#place.index, item }) +
      this.#events.write('response.content_part.added', { ...this.#part, part })
    );
  }

  add(delta: string, logprobs: readonly SampledLogprob[] = []): string {
    this.#text += delta;
    if (logprobs.length === 0) return this.#writeDelta(delta);
    this.#logprobs.push(...logprobs);
    return this.#events.write(`${this.#type}.delta`, { ...this.#part, ...this.#written(logprobs), delta });
  }

  end(status: ItemStatus): string {
    this.#ended = status;
    const { index } = this.#place;
    const [text, logprobs] = [this.#text, this.#logprobs];
    const part = writePart(this.kind, { text, logprobs });
    return (
      this.#events.write(`${this.#type}.done`, { ...this.#part, ...this.#written(logprobs), text }) +
      this.#events.write('response.content_part.done', { ...this.#part, part }) +
      this.#events.write('response.output_item.done', { output_index: index, item: this.write(status) })
    );
  }

  write(status: ItemStatus): OutputItem {
    const part = { text: this.#text, logprobs: this.#logprobs };
    return writeTextItem(this.kind, this.#place.id, this.#ended ?? status, part);
  }

  /** Only the events of a message have log probabilities. */
  #written(logprobs: readonly SampledLogprob[]): object {
    return this.kind === 'message' ? { logprobs: writeOutputLogprobs(logprobs) } : {};
  }
}

/** A function call. */
export class BegunCall implements BegunItem {
  readonly #place: Place;
  readonly #callId: string;
  readonly #name: string;
  readonly #events: EventWriter;
  readonly #writeDelta: (delta: string) => string;
  #arguments = '';
  #ended: ItemStatus | undefined;

  constructor(place: Place, callId: string, name: string, events: EventWriter) {
    this.#place = place;
    this.#callId = callId;
    this.#name = name;
    this.#events = events;
    this.#writeDelta = events.deltas('response.function_call_arguments.delta', {
      item_id: place.id,
      output_index: place.index,
    });
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** Pieces of several calls may alternate, and arguments may come last of all. */
  get isWhole(): boolean {
    return parseObject(this.#arguments) !== undefined;
  }

  begin(): string {
    const item = this.write('in_progress');
    return this.#events.write('response.output_item.added', { output_index: this.#place.index, item });
  }

  add(delta: string): string {
    if (delta === '') return '';
    this.#arguments += delta;
    return this.#writeDelta(delta);
  }

  end(status: ItemStatus): string {
    this.#ended = status;
    const { id, index } = this.#place;
    const call = { item_id: id, output_index: index, name: this.#name, arguments: this.#arguments };
    return (
      this.#events.write('response.function_call_arguments.done', call) +
      this.#events.write('response.output_item.done', { output_index: index, item: this.write(status) })
    );
  }

  write(status: ItemStatus): OutputItem {
    const call = { id: this.#callId, name: this.#name, arguments: this.#arguments };
    return writeCallItem(this.#place.id, this.#ended ?? status, call);
  }
}
