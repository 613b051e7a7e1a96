import type { FinishEvent, Usage } from '@shoal/protocol';
import type { ShoalError } from '@shoal/protocol/error';
import type { AnswerContext, AnswerWriter, WrittenEvent } from '../call.ts';
import { errorBody } from './errors.ts';
import { DATA, DONE, END, EVENT_STREAM, KEEP_ALIVE, lineOf, writeData, writeMoved } from '../server-sent-events.ts';
import { totalUsage, writeUsage } from './usage.ts';

/** The constants of the chunks of an API. */
export interface ChunkFormat {
  readonly idPrefix: string;
  readonly object: string;
  /** The field of a choice with its new content. */
  readonly field: string;
  /** The JSON before and after a text in that field. */
  readonly textOpening: string;
  readonly textClosing: string;
}

/** The constant JSON of one choice. */
interface ChoiceFrame {
  readonly head: string;
  readonly textHead: string;
}

/**
 * Writes the chunks of a stream, which chats and raw text have in common. Chunks are joined from constant JSON and the text
 * alone, because an object for each of them would take several times longer.
 */
export abstract class ChunkWriter implements AnswerWriter {
  readonly contentType = EVENT_STREAM;
  readonly #context: AnswerContext;
  readonly #format: ChunkFormat;
  readonly #includesUsage: boolean;
  readonly #tail: string;
  readonly #textTail: string;
  readonly #frames: ChoiceFrame[] = [];
  readonly #usages: (Usage | undefined)[] = [];
  #opening: string | undefined;

  constructor(context: AnswerContext, format: ChunkFormat, includesUsage: boolean) {
    this.#context = context;
    this.#format = format;
    this.#includesUsage = includesUsage;
    this.#tail = `}]${includesUsage ? ',"usage":null' : ''}}${END}`;
    this.#textTail = `${format.textClosing},"logprobs":null,"finish_reason":null${this.#tail}`;
  }

  begin(): string {
    return '';
  }

  event(event: WrittenEvent, choice: number): string {
    const known = this.#frames[choice];
    if (known !== undefined) return this.write(event, choice);
    this.#frames[choice] = this.#frameOf(choice);
    return this.open(choice) + this.write(event, choice);
  }

  keepAlive(): string {
    return KEEP_ALIVE;
  }

  moved(worker: string): string {
    return writeMoved(worker);
  }

  fail(error: ShoalError): string {
    return writeData(errorBody(error));
  }

  end(): string {
    if (!this.#includesUsage) return DONE;
    const usage = totalUsage(this.#usages);
    const written = usage === undefined ? null : writeUsage(usage);
    return `${this.#begun()}],"usage":${JSON.stringify(written)}}${END}${DONE}`;
  }

  /** The chunks before the first event of a choice. */
  protected abstract open(choice: number): string;
  protected abstract write(event: WrittenEvent, choice: number): string;

  protected textChunk(choice: number, text: string): string {
    return this.#frame(choice).textHead + lineOf(text) + this.#textTail;
  }

  /** `content` is JSON. */
  protected chunk(choice: number, content: string, logprobs?: object, reason?: string): string {
    const logprobsJson = logprobs === undefined ? 'null' : lineOf(logprobs);
    const rest = `,"logprobs":${logprobsJson},"finish_reason":${JSON.stringify(reason ?? null)}`;
    return this.#frame(choice).head + content + rest + this.#tail;
  }

  protected lastChunk(choice: number, content: string, { reason, usage }: FinishEvent): string {
    this.#usages[choice] = usage;
    return this.chunk(choice, content, undefined, reason);
  }

  #frame(choice: number): ChoiceFrame {
    return (this.#frames[choice] ??= this.#frameOf(choice));
  }

  #frameOf(choice: number): ChoiceFrame {
    const head = `${this.#begun()}{"index":${choice},"${this.#format.field}":`;
    return { head, textHead: head + this.#format.textOpening };
  }

  /** The JSON of every chunk before its choices. The model is known from the first event on. */
  #begun(): string {
    if (this.#opening !== undefined) return this.#opening;
    const { id, createdAt, model } = this.#context;
    const { idPrefix, object } = this.#format;
    const facts = { id: idPrefix + id, object, created: Math.floor(createdAt / 1000), model: model() };
    this.#opening = `${DATA}${lineOf(facts).slice(0, -1)},"choices":[`;
    return this.#opening;
  }
}
