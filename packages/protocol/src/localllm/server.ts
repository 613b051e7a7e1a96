import { ShoalError } from '../error.ts';
import type { FinishEvent, InferenceEvent } from '../event.ts';
import type { JsonObject } from '../json.ts';
import { promptInput } from '../request.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ServerSessionSide } from '../side.ts';
import { errorMessage, readError } from './errors.ts';
import {
  chatChunkMessage,
  chatEndMessage,
  echoedId,
  type Envelope,
  promptFault,
  readEnvelope,
  readPrompt,
  requiredId,
  RESPONSE_TIMEOUT_MS,
  type ServerInfo,
  serverInfoMessage,
} from './messages.ts';

/** The longest text of one chunk, in UTF-16 units. Escaped as JSON, with the longest id, it has less than 16 KiB. */
export const CHUNK_LENGTH_MAX = 2_048;
/**
 * The time between chunks of one answer. The dialect has no flow control, and the reference client disconnects if more than
 * 64 KiB are unread. Text in between is combined into one chunk, and a faster engine waits.
 */
export const CHUNK_INTERVAL_MS = 10;

export interface LocalLlmServerOptions {
  /** Returns the host's description for a client that has connected. Throws a `ShoalError` to refuse the client. */
  greet(): ServerInfo;
  /** Called for a client's `error`, which is not answered. */
  onClientError?(error: ShoalError): void;
}

interface OpenChat {
  readonly requestId: string;
  /** Text of the engine that is not sent yet. */
  text: string;
  /** The message that follows the last text. Undefined until the engine has finished. */
  end: object | undefined;
  nextChunkAt: number;
  /** The time of the engine's last output. */
  lastActivityAt: number;
}

/** The host's side: sends `server_info` and streams answers. The worker's policy limits it to one answer at a time. */
export class LocalLlmServer implements ServerSessionSide {
  readonly #encode: MessageEncoder;
  readonly #nextId: () => number;
  readonly #options: LocalLlmServerOptions;
  readonly #open = new Map<number, OpenChat>();
  /** The id of the message that is being read, for its error. */
  #faultId: string | undefined;

  constructor(encode: MessageEncoder, nextId: () => number, options: LocalLlmServerOptions) {
    this.#encode = encode;
    this.#nextId = nextId;
    this.#options = options;
  }

  start(): Output[] {
    try {
      return [this.#send(serverInfoMessage(this.#options.greet()))];
    } catch (thrown) {
      const error = ShoalError.from(thrown);
      return [this.#send(errorMessage(error)), { type: 'close', error }];
    }
  }

  message(message: JsonObject, _bytes: number, now: number): Output[] | undefined {
    switch (message['type']) {
      case 'chat_start':
      case 'abort':
        return this.#take(message, now);
      case 'error':
        this.#options.onClientError?.(readError(message));
        return [];
      case 'server_info':
      case 'chat_chunk':
      case 'chat_end':
        return [];
      default:
        this.#faultId = echoedId(message);
        return undefined;
    }
  }

  fault(error: ShoalError): Output[] {
    const requestId = this.#faultId;
    this.#faultId = undefined;
    return [this.#send(errorMessage(error, requestId))];
  }

  respond(id: number, event: InferenceEvent, now: number): Output[] {
    const chat = this.#open.get(id);
    if (chat === undefined || chat.end !== undefined) return [];
    switch (event.type) {
      case 'queued':
      // LocalLLM requests cannot ask for these.
      case 'reasoning':
      case 'tool_call':
      case 'embedding':
        return [];
      case 'text':
        chat.text += event.text;
        chat.lastActivityAt = now;
        return now >= chat.nextChunkAt ? this.#chunk(chat, now) : [];
      case 'finish':
        chat.end = endMessage(chat.requestId, event);
        return this.#finish(id, chat, now);
      case 'error':
        chat.end = errorMessage(event.error, chat.requestId);
        return this.#finish(id, chat, now);
      default:
        return event satisfies never;
    }
  }

  /** A faster engine waits until its text is sent. */
  credit(id: number): number {
    const chat = this.#open.get(id);
    return chat === undefined ? 0 : CHUNK_LENGTH_MAX - chat.text.length;
  }

  tick(now: number): Output[] {
    return [...this.#open].flatMap(([id, chat]) => {
      if (hasUnsentOutput(chat)) return now >= chat.nextChunkAt ? this.#sendNext(id, chat, now) : [];
      return now >= chat.lastActivityAt + RESPONSE_TIMEOUT_MS ? this.#timeOut(id, chat) : [];
    });
  }

  get wakeAt(): number {
    const times = [...this.#open.values()].map((chat) =>
      hasUnsentOutput(chat) ? chat.nextChunkAt : chat.lastActivityAt + RESPONSE_TIMEOUT_MS,
    );
    return Math.min(Infinity, ...times);
  }

  end(): Output[] {
    const ids = [...this.#open.keys()];
    this.#open.clear();
    return ids.map((id) => ({ type: 'abort', id }));
  }

  #take(message: JsonObject, now: number): Output[] {
    this.#faultId = echoedId(message);
    const envelope = readEnvelope(message);
    const outputs = envelope.type === 'abort' ? this.#abort(requiredId(envelope)) : this.#chatStart(envelope, now);
    this.#faultId = undefined;
    return outputs;
  }

  #chatStart(envelope: Envelope, now: number): Output[] {
    const requestId = requiredId(envelope);
    const prompt = readPrompt(envelope);
    // A repeated request that is still running gets one answer.
    if (this.#find(requestId) !== undefined) return [];
    const fault = promptFault(prompt);
    if (fault !== undefined) return [this.#send(errorMessage(ShoalError.badMessage(fault), requestId))];
    const id = this.#nextId();
    this.#open.set(id, { requestId, text: '', end: undefined, nextChunkAt: now, lastActivityAt: now });
    return [{ type: 'request', id, request: { input: promptInput(prompt), sampling: {}, stop: [] } }];
  }

  #abort(requestId: string): Output[] {
    const id = this.#find(requestId);
    if (id === undefined) return [];
    this.#open.delete(id);
    return [{ type: 'abort', id }, this.#send(chatEndMessage(requestId, 'abort'))];
  }

  /** Called when the engine has finished. Sends the rest at once if it fits one chunk, and over time otherwise. */
  #finish(id: number, chat: OpenChat, now: number): Output[] {
    return chat.text.length <= CHUNK_LENGTH_MAX || now >= chat.nextChunkAt ? this.#sendNext(id, chat, now) : [];
  }

  #sendNext(id: number, chat: OpenChat, now: number): Output[] {
    const chunks = this.#chunk(chat, now);
    if (chat.end === undefined) return [...chunks, { type: 'credit', id }];
    if (chat.text !== '') return chunks;
    this.#open.delete(id);
    return [...chunks, this.#send(chat.end)];
  }

  #chunk(chat: OpenChat, now: number): Output[] {
    if (chat.text === '') return [];
    const text = chat.text.slice(0, chunkEnd(chat.text));
    chat.text = chat.text.slice(text.length);
    chat.nextChunkAt = now + CHUNK_INTERVAL_MS;
    return [this.#send(chatChunkMessage(chat.requestId, text))];
  }

  #timeOut(id: number, chat: OpenChat): Output[] {
    this.#open.delete(id);
    const reason = `The model said nothing for ${RESPONSE_TIMEOUT_MS / 1000} s.`;
    const error = new ShoalError('TIMEOUT_NO_RESPONSE', reason);
    return [{ type: 'abort', id }, this.#send(errorMessage(error, chat.requestId))];
  }

  #find(requestId: string): number | undefined {
    return [...this.#open].find(([, chat]) => chat.requestId === requestId)?.[0];
  }

  #send(message: object): Output {
    return { type: 'send', bytes: this.#encode(message).bytes };
  }
}

function hasUnsentOutput({ text, end }: OpenChat): boolean {
  return text !== '' || end !== undefined;
}

/** Returns the end of the next chunk, which is never inside a character. */
function chunkEnd(text: string): number {
  if (text.length <= CHUNK_LENGTH_MAX) return text.length;
  const last = text.charCodeAt(CHUNK_LENGTH_MAX - 1);
  return last >= 0xd800 && last <= 0xdbff ? CHUNK_LENGTH_MAX - 1 : CHUNK_LENGTH_MAX;
}

function endMessage(requestId: string, { reason }: FinishEvent): object {
  switch (reason) {
    case 'stop':
    case 'tool_calls':
      return chatEndMessage(requestId, 'stop');
    case 'length':
      return chatEndMessage(requestId, 'stop', true);
    case 'abort':
      return chatEndMessage(requestId, 'abort');
    default:
      return reason satisfies never;
  }
}
