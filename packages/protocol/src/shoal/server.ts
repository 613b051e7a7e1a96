import { ShoalError } from '../error.ts';
import { type InferenceEvent, TEXT_LENGTH_MAX, type TextEvent } from '../event.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ServerSide } from '../side.ts';
import { endMessage, type ContentEvent, contentMessage } from './answer.ts';
import { errorMessage } from './errors.ts';
import { TextBuffer } from './text-buffer.ts';
import { INITIAL_CREDIT_BYTES, MAX_MESSAGE_BYTES } from './messages.ts';
import { OutputDigest } from './output-digest.ts';
import { readRequest } from './request.ts';

/** Open requests of one peer, including queued ones. */
export const MAX_OPEN_REQUESTS = 1024;
const MAX_CREDIT_BYTES = 64 * 1024 * 1024;

interface OpenRequest {
  readonly requestId: string;
  readonly digest: OutputDigest;
  /** True if text is sent while it is generated. */
  readonly streams: boolean;
  readonly buffer: TextBuffer;
  creditBytes: number;
}

/** The worker's side: reads requests, and sends the events of their answers within the granted credit. */
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
        return this.#text(id, open, event);
      case 'reasoning':
      case 'tool_call':
      case 'embedding':
        return [...this.#flush(id, open), ...this.#content(id, open, event)];
      case 'finish': {
        const rest = this.#flush(id, open);
        if (!this.#remove(id, open)) return rest;
        return [...rest, this.#send(endMessage(requestId, event, open.digest.end()))];
      }
      case 'error':
        this.#remove(id, open);
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
    // A repeated request that is still running gets one answer.
    if (this.#ids.has(requestId)) return [];
    try {
      const request = readRequest(message);
      if (this.#open.size >= MAX_OPEN_REQUESTS) throw tooManyOpen();
      const id = this.#nextId();
      this.#open.set(id, {
        requestId,
        digest: new OutputDigest(request.resume?.text),
        streams: message['stream'] !== false,
        buffer: new TextBuffer(),
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
    this.#remove(id, open);
    return [{ type: 'abort', id }];
  }

  /** Text that is not streamed is buffered until it fills a chunk or another event follows. */
  #text(id: number, open: OpenRequest, event: TextEvent): Output[] {
    const before = open.buffer.fits(event) ? [] : this.#flush(id, open);
    open.buffer.add(event);
    if (!open.streams && open.buffer.length < TEXT_LENGTH_MAX) return before;
    return [...before, ...this.#flush(id, open)];
  }

  #flush(id: number, open: OpenRequest): Output[] {
    const text = open.buffer.flush();
    return text === undefined ? [] : this.#content(id, open, text);
  }

  /** Sends a content event, which uses up credit. An event that is too large for a message fails the answer. */
  #content(id: number, open: OpenRequest, content: ContentEvent): Output[] {
    if (!this.#open.has(id)) return [];
    try {
      const { bytes, size } = this.#encode(contentMessage(open.requestId, content));
      if (size > MAX_MESSAGE_BYTES) {
        throw ShoalError.generationFailed(`A part of the answer has ${size} bytes of at most ${MAX_MESSAGE_BYTES}.`);
      }
      open.digest.add(content);
      open.creditBytes -= size;
      return [{ type: 'send', bytes }];
    } catch (thrown) {
      this.#remove(id, open);
      // The engine must stop, as if the peer had cancelled.
      return [this.#send(errorMessage(ShoalError.from(thrown), open.requestId)), { type: 'abort', id }];
    }
  }

  #send(message: object): Output {
    return { type: 'send', bytes: this.#encode(message).bytes };
  }

  /** Returns false if the request was already removed. */
  #remove(id: number, open: OpenRequest): boolean {
    this.#ids.delete(open.requestId);
    return this.#open.delete(id);
  }
}

function readRequestId(message: JsonObject): string {
  const fields = new Fields(message, String(message['type']));
  return fields.required('request_id', fields.string('request_id'));
}

function tooManyOpen(): ShoalError {
  return new ShoalError('QUEUE_FULL', `At most ${MAX_OPEN_REQUESTS} requests may be open on one connection.`);
}
