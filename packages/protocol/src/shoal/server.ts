import { ShoalError } from '../error.ts';
import { type Finish, type InferenceEvent, TEXT_LENGTH_MAX } from '../event.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ServerSide } from '../side.ts';
import { errorMessage } from './errors.ts';
import { INITIAL_CREDIT_BYTES } from './messages.ts';
import { OutputDigest } from './output-digest.ts';
import { readRequest } from './request.ts';

/** Requests of one peer that are open at once, the queued ones included. */
export const MAX_OPEN_REQUESTS = 1024;
const MAX_CREDIT_BYTES = 64 * 1024 * 1024;

interface OpenRequest {
  readonly requestId: string;
  readonly digest: OutputDigest;
  /** Whether the peer wants text as it is made. */
  readonly streams: boolean;
  heldText: string;
  heldTokens: number[];
  creditBytes: number;
}

export class ShoalServer implements ServerSide {
  readonly #encode: MessageEncoder;
  readonly #nextId: () => number;
  readonly #open = new Map<number, OpenRequest>();
  readonly #ids = new Map<string, number>();

  constructor(encode: MessageEncoder, nextId: () => number) {
    this.#encode = encode;
    this.#nextId = nextId;
  }

  message(message: JsonObject): Output[] | undefined {
    switch (message['type']) {
      case 'inference_request':
        return this.#request(message);
      case 'inference_credit':
        return this.#credit(message);
      case 'inference_abort':
        return this.#abort(message);
      default:
        return undefined;
    }
  }

  respond(id: number, event: InferenceEvent): Output[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    const { requestId } = open;
    switch (event.type) {
      case 'queued':
        return [this.#send({ type: 'inference_queued', request_id: requestId, position: event.position })];
      case 'text':
        return this.#text(open, event.text, event.tokens);
      case 'finish':
        this.#forget(id, open);
        return [...this.#chunk(open), this.#send(endMessage(open, event))];
      case 'error':
        this.#forget(id, open);
        return [this.#send(errorMessage(event.error, requestId))];
      default:
        return event satisfies never;
    }
  }

  credit(id: number): number {
    return this.#open.get(id)?.creditBytes ?? 0;
  }

  end(): Output[] {
    const ids = [...this.#open.keys()];
    this.#open.clear();
    this.#ids.clear();
    return ids.map((id) => ({ type: 'abort', id }));
  }

  #request(message: JsonObject): Output[] {
    const requestId = readRequestId(message);
    // A request that is asked again while it runs is one request, and gets one answer.
    if (this.#ids.has(requestId)) return [];
    try {
      const request = readRequest(message);
      if (this.#open.size >= MAX_OPEN_REQUESTS) throw tooManyOpen();
      const id = this.#nextId();
      const digest = new OutputDigest();
      digest.add(request.resume?.text ?? '');
      const streams = message['stream'] !== false;
      this.#open.set(id, {
        requestId,
        digest,
        streams,
        heldText: '',
        heldTokens: [],
        creditBytes: INITIAL_CREDIT_BYTES,
      });
      this.#ids.set(requestId, id);
      return [{ type: 'request', id, request }];
    } catch (thrown) {
      return [this.#send(errorMessage(ShoalError.from(thrown), requestId))];
    }
  }

  #credit(message: JsonObject): Output[] {
    const fields = new Fields(message, 'inference_credit');
    const bytes = fields.required('bytes', fields.integer('bytes', 1, MAX_CREDIT_BYTES));
    const id = this.#ids.get(readRequestId(message));
    const open = id === undefined ? undefined : this.#open.get(id);
    if (id === undefined || open === undefined) return [];
    open.creditBytes = Math.min(open.creditBytes + bytes, MAX_CREDIT_BYTES);
    return [{ type: 'credit', id }];
  }

  #abort(message: JsonObject): Output[] {
    const id = this.#ids.get(readRequestId(message));
    const open = id === undefined ? undefined : this.#open.get(id);
    if (id === undefined || open === undefined) return [];
    this.#forget(id, open);
    return [{ type: 'abort', id }];
  }

  /** What may not be streamed is held until it fills a chunk, or until the end. */
  #text(open: OpenRequest, text: string, tokens: readonly number[]): Output[] {
    open.digest.add(text);
    open.heldText += text;
    open.heldTokens.push(...tokens);
    return open.streams || open.heldText.length >= TEXT_LENGTH_MAX ? this.#chunk(open) : [];
  }

  #chunk(open: OpenRequest): Output[] {
    const { requestId, heldText: text, heldTokens: tokens } = open;
    if (text === '' && tokens.length === 0) return [];
    const { bytes, size } = this.#encode({ type: 'inference_chunk', request_id: requestId, text, tokens });
    open.heldText = '';
    open.heldTokens = [];
    open.creditBytes -= size;
    return [{ type: 'send', bytes }];
  }

  #send(message: object): Output {
    return { type: 'send', bytes: this.#encode(message).bytes };
  }

  #forget(id: number, open: OpenRequest): void {
    this.#open.delete(id);
    this.#ids.delete(open.requestId);
  }
}

function readRequestId(message: JsonObject): string {
  const fields = new Fields(message, String(message['type']));
  return fields.required('request_id', fields.string('request_id'));
}

function endMessage(open: OpenRequest, finish: Finish): object {
  const { usage } = finish;
  return {
    type: 'inference_end',
    request_id: open.requestId,
    finish_reason: finish.reason,
    raw_reason: finish.rawReason,
    usage: usage && { prompt_tokens: usage.promptTokens, completion_tokens: usage.completionTokens },
    output_sha256: open.digest.end(),
    model: finish.model,
  };
}

function tooManyOpen(): ShoalError {
  return new ShoalError('QUEUE_FULL', `At most ${MAX_OPEN_REQUESTS} requests may be open on one connection.`);
}
