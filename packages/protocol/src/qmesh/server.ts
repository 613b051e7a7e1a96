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

/** Requests of one client that are open at once, whatever the worker's own queue takes. */
export const MAX_OPEN_REQUESTS = 256;
/** The longest answer, in UTF-16 units: escaped as JSON it still fits a frame. */
export const MAX_ANSWER_LENGTH = 1024 * 1024;

export interface QmeshServerOptions {
  /** 64 hex digits, the same at each start. */
  readonly workerId: string;
  /** As it is right now. */
  readonly health: () => HealthReport;
  /** Milliseconds since 1970, for timestamps. */
  readonly timestamp: () => number;
}

interface OpenRequest {
  readonly requestId: string;
  startedAt: number;
  text: string;
}

type Effort = Pick<InferenceResult, 'tokens' | 'duration'>;

/** Tells its health, and answers whole: the text is gathered and said at its end, as the dialect does not stream. */
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

  /** Tells this client how the worker fares. */
  broadcast(): Output[] {
    return [this.#say('status', { health: this.#options.health() })];
  }

  /** The turn of a request has come: its duration counts from here. */
  started(id: number, now: number): void {
    const open = this.#open.get(id);
    if (open !== undefined) open.startedAt = now;
  }

  message(message: JsonObject, bytes: number, now: number): Output[] | undefined {
    switch (message['type']) {
      case 'status':
      case 'status_request':
        return this.#tell(readStatusRequest(message));
      case 'prompt':
        return this.#take(message, bytes, now);
      // An error is never answered with an error.
      case 'inference_error':
        return [];
      default:
        return undefined;
    }
  }

  fault(error: ShoalError): Output[] {
    return [this.#say('inference_error', { error: errorText(error) })];
  }

  respond(id: number, event: InferenceEvent, now: number): Output[] {
    const open = this.#open.get(id);
    if (open === undefined) return [];
    switch (event.type) {
      case 'queued':
      // Nobody can ask for these here.
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

  /** Another worker's broadcast has no id to answer, and is none of our business. */
  #tell(requestId: string | undefined): Output[] {
    if (requestId === undefined) return [];
    return [this.#say('status_response', { requestId, health: this.#options.health() })];
  }

  #take(message: JsonObject, bytes: number, now: number): Output[] {
    const requestId = readPromptId(message);
    // A request that is asked again while it runs is one request, and gets one answer.
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

  #answer(id: number, { requestId, text }: OpenRequest, { tokens, duration }: Effort): Output[] {
    this.#open.delete(id);
    const tokensPerSecond = duration > 0 ? Math.round((tokens * 10_000) / duration) / 10 : 0;
    const result: InferenceResult = { text, tokens, duration: Math.round(duration), tokensPerSecond };
    return [this.#say('inference_result', { requestId, result })];
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
    return this.#say('inference_error', { requestId, error: errorText(error) });
  }

  #say(type: string, fields: object): Output {
    const { workerId, timestamp } = this.#options;
    return { type: 'send', bytes: this.#encode({ type, workerId, ...fields, timestamp: timestamp() }).bytes };
  }
}
