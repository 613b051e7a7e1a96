import { ShoalError } from '../error.ts';
import { type InferenceEvent, isTerminal } from '../event.ts';
import { Fields } from '../fields.ts';
import { type JsonObject, nestsDeeperThan } from '../json.ts';
import { isTooCostly, MAX_JSON_DEPTH } from '../json-cost.ts';
import type { InferenceRequest } from '../request.ts';
import type { Output } from '../session.ts';
import type { ClientSide, MessageEncoder } from '../side.ts';
import { type ContentEvent, readEmbedding, readEnd, readReasoning, readText, readToolCallEvent } from './answer.ts';
import { errorMessage, readError } from './errors.ts';
import { MessageAllowance } from './message-allowance.ts';
import { INITIAL_CREDIT_BYTES, MAX_MESSAGE_BYTES, MAX_REQUEST_BYTES } from './messages.ts';
import { OutputDigest } from './output-digest.ts';
import { requestMessage } from './request.ts';

/** The time between pings while a request is open. */
export const HEARTBEAT_MS = 500;
/**
 * A worker that owes an answer and sends nothing for this long is `WORKER_LOST`. The request goes on at another
 * worker.
 */
export const WORKER_SILENT_MS = 2_000;
/** The time between the first and the second check of a silent worker, so that a stall of this process does not fail it. */
const SUSPICION_MS = HEARTBEAT_MS;
/** Consumed bytes are granted again in portions of at least this size. */
const CREDIT_PORTION_BYTES = INITIAL_CREDIT_BYTES / 4;
/** Queue positions of one request that a worker may send at once. They use no credit. A worker that sends more is disconnected. */
export const QUEUE_POSITIONS_MAX = 64;
/** Queue positions of one request that a worker may send per second in the long run. Ours sends at most one. */
const QUEUE_POSITIONS_PER_SECOND = 10;

interface OpenRequest {
  readonly requestId: string;
  readonly digest: OutputDigest;
  /** Requested vectors, and received ones. */
  readonly texts: number;
  vectors: number;
  /** False if the request has no tools, or forbids calls. */
  readonly mayCall: boolean;
  readonly queuePositions: MessageAllowance;
  /** The last queue position. Undefined before the first. */
  position: number | undefined;
  /** True if the worker has sent a part of the answer. */
  hasBegun: boolean;
  /** Indexes of tool calls that have begun. Undefined if the answer resumes one that may have calls. */
  readonly calls: Set<number> | undefined;
  /** Bytes of content that the worker may still send. */
  grantedBytes: number;
  /** Bytes that the reader has consumed and that are not granted again yet. */
  consumedBytes: number;
}

/** The client's side: sends requests, grants credit, checks answers, and detects a lost worker. */
export class ShoalClient implements ClientSide {
  readonly #encode: MessageEncoder;
  readonly #idPrefix: string;
  readonly #open = new Map<number, OpenRequest>();
  readonly #ids = new Map<string, number>();
  #lastActivityAt = 0;
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
    if (isTooCostly(bytes)) {
      throw ShoalError.invalidRequest('The request has too many messages, tools and fields of schemas for its length.');
    }
    if (this.#open.size === 0) this.#startWatching(now);
    this.#open.set(id, {
      requestId,
      digest: new OutputDigest(request.resume?.text),
      texts: request.input.type === 'embeddings' && request.countOnly !== true ? request.input.texts.length : 0,
      vectors: 0,
      mayCall: (request.tools ?? []).length > 0 && request.toolChoice !== 'none',
      queuePositions: new MessageAllowance(QUEUE_POSITIONS_MAX, QUEUE_POSITIONS_PER_SECOND),
      position: undefined,
      hasBegun: false,
      calls: request.resume === undefined ? new Set() : undefined,
      grantedBytes: INITIAL_CREDIT_BYTES,
      consumedBytes: 0,
    });
    this.#ids.set(requestId, id);
    return [{ type: 'send', bytes }];
  }

  message(message: JsonObject, size: number, now: number): Output[] | undefined {
    switch (message['type']) {
      case 'inference_queued':
        return this.#queued(message, now);
      case 'inference_chunk':
        return this.#content(message, size, readText);
      case 'inference_reasoning':
        return this.#content(message, size, readReasoning);
      case 'inference_tool_call':
        return this.#content(message, size, (fields, { mayCall, calls }) => {
          if (!mayCall) throw unaskedCall();
          const call = readToolCallEvent(fields);
          const hasBegun = call.id !== undefined && call.name !== undefined;
          if (calls?.has(call.index) === false && !hasBegun) {
            throw ShoalError.badMessage('inference_tool_call: the first piece of a call must have "id" and "name".');
          }
          calls?.add(call.index);
          return call;
        });
      case 'inference_embedding':
        return this.#content(message, size, (fields, open) => {
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
        // An error without a request is about a message of ours. An error is never answered with an error.
        if (typeof message['request_id'] !== 'string') return [];
        return this.#event(message, 0, () => ({ type: 'error', error: readError(message) }));
      default:
        return undefined;
    }
  }

  /** Call for each message of the worker. It shows that the worker is alive. */
  messageReceived(now: number): void {
    this.#lastActivityAt = now;
    this.#suspectedAt = undefined;
  }

  abort(id: number): Output[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    this.#remove(id, open);
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
      if (this.#suspectedAt !== undefined) return this.#workerLost();
      this.#suspectedAt = now;
    }
    if (now < this.#pingAt) return [];
    this.#pingAt = now + HEARTBEAT_MS;
    return [{ type: 'send', bytes: this.#encode({ type: 'ping' }).bytes }];
  }

  get wakeAt(): number {
    return this.#open.size === 0 ? Infinity : Math.min(this.#pingAt, this.#silentAt);
  }

  /** The time of the next check of a silent worker. */
  get #silentAt(): number {
    if (this.#suspectedAt !== undefined) return this.#suspectedAt + SUSPICION_MS;
    return this.#lastActivityAt + WORKER_SILENT_MS - SUSPICION_MS;
  }

  end(): Output[] {
    return this.#failAll(ShoalError.workerLost('The connection to the worker was lost.'));
  }

  #startWatching(now: number): void {
    this.#lastActivityAt = now;
    this.#suspectedAt = undefined;
    this.#pingAt = now + HEARTBEAT_MS;
  }

  #workerLost(): Output[] {
    const error = ShoalError.workerLost(`The worker said nothing for ${WORKER_SILENT_MS / 1000} s.`);
    return [...this.#failAll(error), { type: 'close', error }];
  }

  #failAll(error: ShoalError): Output[] {
    const ids = [...this.#open.keys()];
    this.#open.clear();
    this.#ids.clear();
    return ids.map((id) => terminal(id, { type: 'error', error }));
  }

  /**
   * Reads a queue position. Positions use no credit, so that an unchanged one, and one after the answer has begun, is dropped,
   * and a flood of them ends the connection.
   */
  #queued(message: JsonObject, now: number): Output[] {
    let isFlood = false;
    const outputs = this.#event(message, 0, (fields, open) => {
      const position = fields.required('position', fields.integer('position', 0, Number.MAX_SAFE_INTEGER));
      isFlood = !open.queuePositions.take(now);
      const isNews = position !== open.position && !open.hasBegun;
      open.position = position;
      return isNews ? { type: 'queued', position } : undefined;
    });
    return isFlood ? this.#flooded() : outputs;
  }

  #flooded(): Output[] {
    const error = ShoalError.workerLost('The worker sent too many queue positions.');
    const { bytes } = this.#encode(errorMessage(ShoalError.badMessage('Too many inference_queued messages.')));
    return [...this.#failAll(error), { type: 'send', bytes }, { type: 'close', error }];
  }

  /** Reads a content event, which uses up credit. */
  #content(message: JsonObject, size: number, read: (fields: Fields, open: OpenRequest) => ContentEvent): Output[] {
    return this.#event(message, size, (fields, open) => {
      const content = read(fields, open);
      open.grantedBytes -= size;
      // One message may exceed the credit. A worker that continues would fill our memory.
      if (open.grantedBytes < -MAX_MESSAGE_BYTES) {
        throw ShoalError.workerLost('The worker sent more than its credit.');
      }
      open.hasBegun = true;
      open.digest.add(content);
      return content;
    });
  }

  /**
   * Turns a message of an open request into an event, and drops messages of other requests. An invalid message ends its
   * request with an error, because the rest of the answer may be incomplete. `read` returns undefined for a message to drop.
   */
  #event(
    message: JsonObject,
    bytes: number,
    read: (fields: Fields, open: OpenRequest) => InferenceEvent | undefined,
  ): Output[] {
    const fields = new Fields(message, String(message['type']));
    const id = this.#ids.get(fields.string('request_id') ?? '');
    const open = id === undefined ? undefined : this.#open.get(id);
    if (id === undefined || open === undefined) return [];
    try {
      const event = read(fields, open);
      if (event === undefined) return [];
      if (isTerminal(event)) this.#remove(id, open);
      return [{ type: 'event', id, event, bytes }];
    } catch (thrown) {
      this.#remove(id, open);
      return [this.#sendAbort(open), terminal(id, { type: 'error', error: ShoalError.from(thrown) })];
    }
  }

  #sendAbort(open: OpenRequest): Output {
    return { type: 'send', bytes: this.#encode({ type: 'inference_abort', request_id: open.requestId }).bytes };
  }

  #remove(id: number, open: OpenRequest): void {
    this.#open.delete(id);
    this.#ids.delete(open.requestId);
  }
}

function terminal(id: number, event: InferenceEvent): Output {
  return { type: 'event', id, event, bytes: 0 };
}

/**
 * Reads the end of an answer. Returns an error if vectors are missing, and for an end that was not asked for: an abort, because
 * an aborted request is not open any more, and tool calls of a request without tools.
 */
function endOf(fields: Fields, { digest, texts, vectors, mayCall }: OpenRequest): InferenceEvent {
  const end = readEnd(fields, digest.end());
  if (end.type === 'error') return end;
  if (end.reason === 'abort') return { type: 'error', error: ShoalError.unaskedAbort() };
  if (end.reason === 'tool_calls' && !mayCall) return { type: 'error', error: unaskedCall() };
  if (vectors === texts) return end;
  const reason = `The worker ended the answer after ${vectors} of ${texts} vectors.`;
  return { type: 'error', error: ShoalError.generationFailed(reason) };
}

function unaskedCall(): ShoalError {
  return ShoalError.workerLost('The worker called a tool, which the request did not allow.');
}
