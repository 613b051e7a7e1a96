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
  readonly sentAt: number;
}

/**
 * Milliseconds after which a peer is taken not to answer any more: a request that has ended without a response may still get
 * one until then, and a response without an id could be that one.
 */
const LATE_RESPONSE_MS = 2 * RESPONSE_TIMEOUT_MS;

/** Sends prompts, which are all that the dialect carries, and receives each answer in one message. */
export class OpenGatewayClient implements ClientSide {
  readonly #encode: MessageEncoder;
  readonly #idPrefix: string;
  readonly #open = new Map<number, OpenRequest>();
  /** Until then a response without an id may be that of a request that has ended. */
  #unsureUntil = -Infinity;

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
    this.#open.set(id, { requestId, sentAt: now });
    return [{ type: 'send', bytes }];
  }

  message(message: JsonObject, bytes: number, now: number): Output[] | undefined {
    if (message['type'] !== 'inference_response') return undefined;
    const answer = readResponse(message);
    const id = answer === undefined ? undefined : this.#find(answer.request_id, now);
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
    if (!this.#open.has(id)) return [];
    this.#forget(id);
    return [{ type: 'event', id, bytes: 0, event: { type: 'finish', reason: 'abort', rawReason: 'abort' } }];
  }

  consumed(): Output[] {
    return [];
  }

  tick(now: number): Output[] {
    const late = [...this.#open].filter(([, open]) => now >= giveUpAt(open)).map(([id]) => id);
    const why = `The peer did not answer within ${RESPONSE_TIMEOUT_MS / 1000} s.`;
    return late.flatMap((id) => this.#fail(id, new ShoalError('TIMEOUT_NO_RESPONSE', why)));
  }

  get wakeAt(): number {
    return Math.min(Infinity, ...[...this.#open.values()].map(giveUpAt));
  }

  end(): Output[] {
    return [...this.#open.keys()].flatMap((id) =>
      this.#fail(id, ShoalError.workerLost('The connection to the peer was lost.')),
    );
  }

  #fail(id: number, error: ShoalError): Output[] {
    this.#forget(id);
    return [{ type: 'event', id, bytes: 0, event: { type: 'error', error } }];
  }

  /** Ends a request without its response. */
  #forget(id: number): void {
    const open = this.#open.get(id);
    this.#open.delete(id);
    if (open !== undefined) this.#unsureUntil = Math.max(this.#unsureUntil, open.sentAt + LATE_RESPONSE_MS);
  }

  /** A response without an id belongs to the open request, if there is exactly one and no response of another is due. */
  #find(requestId: unknown, now: number): number | undefined {
    if (requestId === undefined) {
      return this.#open.size === 1 && now >= this.#unsureUntil ? [...this.#open.keys()][0] : undefined;
    }
    return [...this.#open].find(([, open]) => open.requestId === requestId)?.[0];
  }
}

function giveUpAt({ sentAt }: OpenRequest): number {
  return sentAt + RESPONSE_TIMEOUT_MS;
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
