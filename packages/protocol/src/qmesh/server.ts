import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { JsonObject } from '../json.ts';
import { promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ServerSessionSide } from '../side.ts';
import { errorText, MISSING_PROMPT_TEXT } from './errors.ts';
import {
  type HealthReport,
  type InferenceResult,
  MAX_PROMPT_BYTES,
  readPrompt,
  readPromptId,
  readPromptOptions,
  readStatusRequest,
} from './messages.ts';

/** Open requests of one client. The worker's queue has its own limit. */
export const MAX_OPEN_REQUESTS = 256;
/** The longest answer, in UTF-16 units. Escaped as JSON, it fits a frame. */
export const MAX_ANSWER_LENGTH = 1024 * 1024;

export interface QmeshServerOptions {
  /** 64 hex digits, the same after a restart. */
  readonly workerId: string;
  /** Returns the current health. */
  readonly health: () => HealthReport;
  /** Returns milliseconds since 1970. */
  readonly timestamp: () => number;
}

interface OpenRequest {
  readonly requestId: string;
  startedAt: number;
  text: string;
}

type Measurements = Pick<InferenceResult, 'tokens' | 'duration'>;

/** Sends its health. Collects the text of an answer and sends it in one message, because the dialect does not stream. */
export class QmeshServer implements ServerSessionSide {
  readonly #encode: MessageEncoder;
  readonly #nextId: () => number;
  readonly #options: QmeshServerOptions;
  readonly #open = new Map<number, OpenRequest>();

  constructor(encode: MessageEncoder, nextId: () => number, options: QmeshServerOptions) {
    this.#encode = encode;
    this.#nextId = nextId;
    this.#options = options;
  }

  start(): Output[] {
    return this.broadcast();
  }

  /** Sends the worker's health to this client. */
  broadcast(): Output[] {
    return [this.#message('status', { health: this.#options.health() })];
  }

  /** Call when a request starts to run. Its duration counts from here. */
  started(id: number, now: number): void {
    const open = this.#open.get(id);
    if (open !== undefined) open.startedAt = now;
  }

  message(message: JsonObject, bytes: number, now: number): Output[] | undefined {
    switch (message['type']) {
      case 'status':
      case 'status_request':
        return this.#sendStatus(readStatusRequest(message));
      case 'prompt':
        return this.#prompt(message, bytes, now);
      // An error is never answered with an error.
      case 'inference_error':
        return [];
      default:
        return undefined;
    }
  }

  /** A prompt that is too long is refused with its id. */
  skipped(head: JsonObject, bytes: number, now: number): Output[] | undefined {
    return head['type'] === 'prompt' || head['type'] === 'inference_error' ? this.message(head, bytes, now) : undefined;
  }

  fault(error: ShoalError): Output[] {
    return [this.#message('inference_error', { error: errorText(error) })];
  }

  respond(id: number, event: InferenceEvent, now: number): Output[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    switch (event.type) {
      case 'queued':
      // QMesh requests cannot ask for these.
      case 'reasoning':
      case 'tool_call':
      case 'embedding':
        return [];
      case 'text':
        open.text += event.text;
        return open.text.length > MAX_ANSWER_LENGTH ? this.#tooLong(id, open) : [];
      case 'finish':
        if (event.reason === 'abort') return this.#fail(id, open, ShoalError.aborted('The answer was cut short.'));
        return this.#answer(id, open, { tokens: event.usage?.completionTokens ?? 0, duration: now - open.startedAt });
      case 'error':
        return this.#fail(id, open, event.error);
      default:
        return event satisfies never;
    }
  }

  credit(): number {
    return Infinity;
  }

  tick(): Output[] {
    return [];
  }

  get wakeAt(): number {
    return Infinity;
  }

  end(): Output[] {
    const ids = [...this.#open.keys()];
    this.#open.clear();
    return ids.map((id) => ({ type: 'abort', id }));
  }

  /** Another worker's broadcast has no id and is ignored. */
  #sendStatus(requestId: string | undefined): Output[] {
    if (requestId === undefined) return [];
    return [this.#message('status_response', { requestId, health: this.#options.health() })];
  }

  #prompt(message: JsonObject, bytes: number, now: number): Output[] {
    const requestId = readPromptId(message);
    // A repeated request that is still running gets one answer.
    if ([...this.#open.values()].some((open) => open.requestId === requestId)) return [];
    try {
      return this.#request(requestId, message, bytes, now);
    } catch (thrown) {
      return [this.#error(requestId, ShoalError.from(thrown))];
    }
  }

  #request(requestId: string, message: JsonObject, bytes: number, now: number): Output[] {
    if (this.#open.size >= MAX_OPEN_REQUESTS) throw new ShoalError('QUEUE_FULL', 'Too many requests are open.');
    if (bytes > MAX_PROMPT_BYTES) {
      throw ShoalError.invalidRequest(`The prompt is too long: its message may have ${MAX_PROMPT_BYTES} bytes.`);
    }
    const prompt = readPrompt(message);
    if (prompt === undefined) throw ShoalError.invalidRequest(MISSING_PROMPT_TEXT);
    const sampling = readPromptOptions(message);
    const id = this.#nextId();
    this.#open.set(id, { requestId, startedAt: now, text: '' });
    return [{ type: 'request', id, request: { input: promptInput(prompt), sampling, stop: [] } }];
  }

  #answer(id: number, { requestId, text }: OpenRequest, { tokens, duration }: Measurements): Output[] {
    this.#open.delete(id);
    const tokensPerSecond = duration > 0 ? Math.round((tokens * 10_000) / duration) / 10 : 0;
    const result: InferenceResult = { text, tokens, duration: Math.round(duration), tokensPerSecond };
    return [this.#message('inference_result', { requestId, result })];
  }

  #tooLong(id: number, open: OpenRequest): Output[] {
    const error = ShoalError.generationFailed('The answer grew longer than this protocol carries.');
    return [...this.#fail(id, open, error), { type: 'abort', id }];
  }

  #fail(id: number, { requestId }: OpenRequest, error: ShoalError): Output[] {
    this.#open.delete(id);
    return [this.#error(requestId, error)];
  }

  #error(requestId: string, error: ShoalError): Output {
    return this.#message('inference_error', { requestId, error: errorText(error) });
  }

  #message(type: string, fields: object): Output {
    const { workerId, timestamp } = this.#options;
    return { type: 'send', bytes: this.#encode({ type, workerId, ...fields, timestamp: timestamp() }).bytes };
  }
}
