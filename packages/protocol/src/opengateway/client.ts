import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { JsonObject } from '../json.ts';
import { type InferenceRequest, promptOf } from '../request.ts';
import type { Output } from '../session.ts';
import type { ClientSide, MessageEncoder } from '../side.ts';
import { readErrorResponse } from './errors.ts';
import { type InferenceResponseMessage, MAX_MESSAGE_BYTES, readResponse } from './messages.ts';

/** An OpenGateway answer must arrive within this time. Then the request ends with `TIMEOUT_NO_RESPONSE`. */
export const RESPONSE_TIMEOUT_MS = 30_000;

interface OpenRequest {
  readonly requestId: string;
  readonly giveUpAt: number;
}

/** Sends prompts, which are all that the dialect carries, and receives each answer in one message. */
export class OpenGatewayClient implements ClientSide {
  readonly #encode: MessageEncoder;
  readonly #idPrefix: string;
  readonly #open = new Map<number, OpenRequest>();

  /** `idPrefix` makes request ids unique among nodes, because OpenGateway keeps the ids of all peers in one table. */
  constructor(encode: MessageEncoder, idPrefix: string) {
    this.#encode = encode;
    this.#idPrefix = idPrefix;
  }

  ask(id: number, request: InferenceRequest, now: number): Output[] {
    const requestId = `${this.#idPrefix}-${id}`;
    const { model } = request;
    const { bytes } = this.#encode({
      type: 'inference_request',
      request_id: requestId,
      prompt: promptOf(request, 'An OpenGateway peer'),
      model,
    });
    if (bytes.length > MAX_MESSAGE_BYTES) {
      throw ShoalError.invalidRequest(`The prompt is too long: an OpenGateway peer takes ${MAX_MESSAGE_BYTES} bytes.`);
    }
    this.#open.set(id, { requestId, giveUpAt: now + RESPONSE_TIMEOUT_MS });
    return [{ type: 'send', bytes }];
  }

  message(message: JsonObject, bytes: number): Output[] | undefined {
    if (message['type'] !== 'inference_response') return undefined;
    const answer = readResponse(message);
    const id = answer === undefined ? undefined : this.#find(answer.request_id);
    if (answer === undefined || id === undefined) return [];
    this.#open.delete(id);
    return answerEvents(answer).map((event) => ({
      type: 'event',
      id,
      event,
      bytes: event.type === 'text' ? bytes : 0,
    }));
  }

  abort(id: number): Output[] {
    if (!this.#open.delete(id)) return [];
    return [{ type: 'event', id, bytes: 0, event: { type: 'finish', reason: 'abort', rawReason: 'abort' } }];
  }

  consumed(): Output[] {
    return [];
  }

  tick(now: number): Output[] {
    const late = [...this.#open].filter(([, open]) => now >= open.giveUpAt).map(([id]) => id);
    const why = `The peer did not answer within ${RESPONSE_TIMEOUT_MS / 1000} s.`;
    return late.flatMap((id) => this.#fail(id, new ShoalError('TIMEOUT_NO_RESPONSE', why)));
  }

  get wakeAt(): number {
    return Math.min(Infinity, ...[...this.#open.values()].map((open) => open.giveUpAt));
  }

  end(): Output[] {
    return [...this.#open.keys()].flatMap((id) =>
      this.#fail(id, ShoalError.workerLost('The connection to the peer was lost.')),
    );
  }

  #fail(id: number, error: ShoalError): Output[] {
    this.#open.delete(id);
    return [{ type: 'event', id, bytes: 0, event: { type: 'error', error } }];
  }

  /** A response without an id belongs to the open request, if there is exactly one. */
  #find(requestId: unknown): number | undefined {
    if (requestId === undefined) return this.#open.size === 1 ? [...this.#open.keys()][0] : undefined;
    return [...this.#open].find(([, open]) => open.requestId === requestId)?.[0];
  }
}

function answerEvents(answer: InferenceResponseMessage): InferenceEvent[] {
  const error = readErrorResponse(answer.response);
  if (error !== undefined) return [{ type: 'error', error }];
  const { model } = answer;
  return [
    { type: 'text', text: answer.response, tokens: [] },
    { type: 'finish', reason: 'stop', rawReason: answer.type, model },
  ];
}
