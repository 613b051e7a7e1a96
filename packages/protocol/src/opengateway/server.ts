import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { JsonObject } from '../json.ts';
import { promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ServerSide } from '../side.ts';
import { errorResponse } from './errors.ts';
import { MAX_MESSAGE_BYTES, type RequestId, readRequest } from './messages.ts';

/** Open requests of one peer. Further ones are ignored, because the dialect cannot refuse a request. */
export const MAX_OPEN_REQUESTS = 16;
/** The longest answer, in UTF-16 units. Escaped as JSON, it fits a message. */
const MAX_RESPONSE_LENGTH = MAX_MESSAGE_BYTES / 8;

interface OpenRequest {
  readonly requestId: RequestId;
  text: string;
}

/** Collects the text of an answer and sends it in one message, because the dialect does not stream. */
export class OpenGatewayServer implements ServerSide {
  readonly #encode: MessageEncoder;
  readonly #open = new Map<number, OpenRequest>();
  readonly #nextId: () => number;

  constructor(encode: MessageEncoder, nextId: () => number) {
    this.#encode = encode;
    this.#nextId = nextId;
  }

  message(message: JsonObject): Output[] | undefined {
    if (message['type'] !== 'inference_request') return undefined;
    const received = readRequest(message);
    if (received === undefined || this.#open.size >= MAX_OPEN_REQUESTS || this.#isOpen(received.request_id)) return [];
    const id = this.#nextId();
    this.#open.set(id, { requestId: received.request_id, text: '' });
    const { model } = received;
    const request = {
      input: promptInput(received.prompt),
      sampling: {},
      stop: [],
      model,
    };
    return [{ type: 'request', id, request }];
  }

  respond(id: number, event: InferenceEvent): Output[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    switch (event.type) {
      case 'queued':
      // OpenGateway requests cannot ask for these.
      case 'reasoning':
      case 'tool_call':
      case 'embedding':
        return [];
      case 'text':
        open.text += event.text;
        return open.text.length > MAX_RESPONSE_LENGTH ? this.#tooLong(id, open) : [];
      case 'finish':
        if (event.reason === 'abort') return this.#close(id);
        return this.#answer(id, open, open.text, event.model);
      case 'error': {
        const response = errorResponse(event.error);
        return response === undefined ? this.#close(id) : this.#answer(id, open, response);
      }
      default:
        return event satisfies never;
    }
  }

  credit(): number {
    return Infinity;
  }

  end(): Output[] {
    const ids = [...this.#open.keys()];
    this.#open.clear();
    return ids.map((id) => ({ type: 'abort', id }));
  }

  /** A repeated request that is still running gets one answer. */
  #isOpen(requestId: RequestId): boolean {
    if (requestId === undefined) return false;
    const asText = JSON.stringify(requestId);
    return [...this.#open.values()].some((open) => JSON.stringify(open.requestId) === asText);
  }

  #answer(id: number, open: OpenRequest, response: string, model?: string): Output[] {
    this.#open.delete(id);
    const { bytes } = this.#encode({ type: 'inference_response', request_id: open.requestId, response, model });
    return [{ type: 'send', bytes }];
  }

  #tooLong(id: number, open: OpenRequest): Output[] {
    const error = new ShoalError('GENERATION_FAILED', 'The answer grew longer than this protocol carries.');
    return [...this.#answer(id, open, errorResponse(error) ?? ''), { type: 'abort', id }];
  }

  #close(id: number): Output[] {
    this.#open.delete(id);
    return [];
  }
}
