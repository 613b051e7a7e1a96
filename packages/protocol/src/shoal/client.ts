import { ShoalError } from '../error.ts';
import { type InferenceEvent, isTerminal } from '../event.ts';
import { Fields } from '../fields.ts';
import { type JsonObject, MAX_JSON_DEPTH, nestsDeeperThan } from '../json.ts';
import type { InferenceRequest } from '../request.ts';
import type { Output } from '../session.ts';
import type { ClientSide, MessageEncoder } from '../side.ts';
import { type ContentEvent, readEmbedding, readEnd, readText, readToolCallPiece } from './answer.ts';
import { readError } from './errors.ts';
import { INITIAL_CREDIT_BYTES, MAX_MESSAGE_BYTES, MAX_REQUEST_BYTES } from './messages.ts';
import { OutputDigest } from './output-digest.ts';
import { requestMessage } from './request.ts';

/** While a request is open the worker is asked for a sign of life this often. */
export const HEARTBEAT_MS = 500;
/**
 * A worker that owes an answer and sends nothing for this long is `WORKER_LOST`. The request goes on at another
 * worker.
 */
export const WORKER_SILENT_MS = 2_000;
/** It is suspected this long before: a second look decides, so that a stall of our own loop does not condemn it. */
const SUSPICION_MS = HEARTBEAT_MS;
/** Consumed bytes are granted again in portions of this size. */
const CREDIT_PORTION_BYTES = INITIAL_CREDIT_BYTES / 4;

interface OpenRequest {
  readonly requestId: string;
  readonly digest: OutputDigest;
  /** How many texts are to become vectors, and how many have. */
  readonly texts: number;
  vectors: number;
  /** Tool calls that have begun; undefined where one may have begun elsewhere. */
  readonly calls: Set<number> | undefined;
  /** Bytes of chunks that may still come. */
  grantedBytes: number;
  /** Bytes that the reader took and that are not granted again yet. */
  consumedBytes: number;
}

export class ShoalClient implements ClientSide {
  readonly #encode: MessageEncoder;
  readonly #idPrefix: string;
  readonly #open = new Map<number, OpenRequest>();
  readonly #ids = new Map<string, number>();
  #heardAt = 0;
  #pingAt = Infinity;
  #suspectedAt: number | undefined;

  constructor(encode: MessageEncoder, idPrefix: string) {
    this.#encode = encode;
    this.#idPrefix = idPrefix;
  }

  ask(id: number, request: InferenceRequest, now: number): Output[] {
    const requestId = `${this.#idPrefix}-${id}`;
    const message = requestMessage(requestId, request);
    if (nestsDeeperThan(MAX_JSON_DEPTH, message)) {
      throw ShoalError.invalidRequest(`A JSON schema nests too deep: a request has at most ${MAX_JSON_DEPTH} levels.`);
    }
    const { bytes, size } = this.#encode(message);
    if (size > MAX_REQUEST_BYTES) {
      throw ShoalError.invalidRequest(
        `The prompt is too long: a request has ${size} bytes of at most ${MAX_REQUEST_BYTES}.`,
      );
    }
    if (this.#open.size === 0) this.#expectFrom(now);
    this.#open.set(id, {
      requestId,
      digest: new OutputDigest(request.resume?.text),
      texts: request.input.type === 'embeddings' ? request.input.texts.length : 0,
      vectors: 0,
      calls: request.resume === undefined ? new Set() : undefined,
      grantedBytes: INITIAL_CREDIT_BYTES,
      consumedBytes: 0,
    });
    this.#ids.set(requestId, id);
    return [{ type: 'send', bytes }];
  }

  message(message: JsonObject, size: number): Output[] | undefined {
    switch (message['type']) {
      case 'inference_queued':
        return this.#event(message, 0, (fields) => {
          const position = fields.required('position', fields.integer('position', 0, Number.MAX_SAFE_INTEGER));
          return { type: 'queued', position };
        });
      case 'inference_chunk':
        return this.#piece(message, size, readText);
      case 'inference_tool_call':
        return this.#piece(message, size, (fields, { calls }) => {
          const call = readToolCallPiece(fields);
          const hasBegun = call.id !== undefined && call.name !== undefined;
          if (calls?.has(call.index) === false && !hasBegun) {
            throw ShoalError.badMessage('inference_tool_call: the first piece of a call must have "id" and "name".');
          }
          calls?.add(call.index);
          return call;
        });
      case 'inference_embedding':
        return this.#piece(message, size, (fields, open) => {
          const embedding = readEmbedding(fields);
          const { index } = embedding;
          if (index !== open.vectors || index >= open.texts) {
            throw ShoalError.badMessage(`inference_embedding: ${index} is not the index of the next vector.`);
          }
          open.vectors += 1;
          return embedding;
        });
      case 'inference_end':
        return this.#event(message, 0, endOf);
      case 'inference_error':
        // One that belongs to no request is about something that we sent; an error is never answered with an error.
        if (typeof message['request_id'] !== 'string') return [];
        return this.#event(message, 0, () => ({ type: 'error', error: readError(message) }));
      default:
        return undefined;
    }
  }

  /** Anything that the worker says is a sign of life. */
  messageReceived(now: number): void {
    this.#heardAt = now;
    this.#suspectedAt = undefined;
  }

  abort(id: number): Output[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    this.#forget(id, open);
    return [this.#sendAbort(open), terminal(id, { type: 'finish', reason: 'abort', rawReason: 'inference_abort' })];
  }

  consumed(id: number, bytes: number): Output[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    open.consumedBytes += bytes;
    if (open.consumedBytes < CREDIT_PORTION_BYTES) return [];
    const granted = open.consumedBytes;
    open.consumedBytes = 0;
    open.grantedBytes += granted;
    const message = { type: 'inference_credit', request_id: open.requestId, bytes: granted };
    return [{ type: 'send', bytes: this.#encode(message).bytes }];
  }

  tick(now: number): Output[] {
    if (this.#open.size === 0) return [];
    if (now >= this.#silentAt) {
      if (this.#suspectedAt !== undefined) return this.#lost();
      this.#suspectedAt = now;
    }
    if (now < this.#pingAt) return [];
    this.#pingAt = now + HEARTBEAT_MS;
    return [{ type: 'send', bytes: this.#encode({ type: 'ping' }).bytes }];
  }

  get wakeAt(): number {
    return this.#open.size === 0 ? Infinity : Math.min(this.#pingAt, this.#silentAt);
  }

  /** When a worker that stays silent is to be suspected, or if it is already, given up. */
  get #silentAt(): number {
    if (this.#suspectedAt !== undefined) return this.#suspectedAt + SUSPICION_MS;
    return this.#heardAt + WORKER_SILENT_MS - SUSPICION_MS;
  }

  end(): Output[] {
    return this.#failAll(ShoalError.workerLost('The worker is gone.'));
  }

  #expectFrom(now: number): void {
    this.#heardAt = now;
    this.#suspectedAt = undefined;
    this.#pingAt = now + HEARTBEAT_MS;
  }

  #lost(): Output[] {
    const error = ShoalError.workerLost(`The worker said nothing for ${WORKER_SILENT_MS / 1000} s.`);
    return [...this.#failAll(error), { type: 'close', error }];
  }

  #failAll(error: ShoalError): Output[] {
    const ids = [...this.#open.keys()];
    this.#open.clear();
    this.#ids.clear();
    return ids.map((id) => terminal(id, { type: 'error', error }));
  }

  /** A piece of the answer, which uses up what was granted. */
  #piece(message: JsonObject, size: number, read: (fields: Fields, open: OpenRequest) => ContentEvent): Output[] {
    return this.#event(message, size, (fields, open) => {
      const piece = read(fields, open);
      open.grantedBytes -= size;
      // One message may overdraw; a worker that goes on does not keep to the protocol, and would fill our memory.
      if (open.grantedBytes < -MAX_MESSAGE_BYTES) {
        throw ShoalError.workerLost('The worker sent more than it was granted.');
      }
      open.digest.add(piece);
      return piece;
    });
  }

  /**
   * Turns a message of an open request into its event; one of a request that has ended is late, and dropped. A message
   * that cannot be taken ends its request: what came may not be passed off as the whole answer.
   */
  #event(message: JsonObject, bytes: number, read: (fields: Fields, open: OpenRequest) => InferenceEvent): Output[] {
    const fields = new Fields(message, String(message['type']));
    const id = this.#ids.get(fields.string('request_id') ?? '');
    const open = id === undefined ? undefined : this.#open.get(id);
    if (id === undefined || open === undefined) return [];
    try {
      const event = read(fields, open);
      if (isTerminal(event)) this.#forget(id, open);
      return [{ type: 'event', id, event, bytes }];
    } catch (thrown) {
      this.#forget(id, open);
      return [this.#sendAbort(open), terminal(id, { type: 'error', error: ShoalError.from(thrown) })];
    }
  }

  #sendAbort(open: OpenRequest): Output {
    return { type: 'send', bytes: this.#encode({ type: 'inference_abort', request_id: open.requestId }).bytes };
  }

  #forget(id: number, open: OpenRequest): void {
    this.#open.delete(id);
    this.#ids.delete(open.requestId);
  }
}

function terminal(id: number, event: InferenceEvent): Output {
  return { type: 'event', id, event, bytes: 0 };
}

/** The end, or the error that something of the answer is missing. */
function endOf(fields: Fields, { digest, texts, vectors }: OpenRequest): InferenceEvent {
  const end = readEnd(fields, digest.end());
  if (vectors === texts || end.type === 'error' || end.reason === 'abort') return end;
  const why = `Of ${texts} texts ${vectors} became vectors, and the worker says that this is all.`;
  return { type: 'error', error: ShoalError.generationFailed(why) };
}
