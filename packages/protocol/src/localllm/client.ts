import { ShoalError } from '../error.ts';
import { type InferenceEvent, isTerminal } from '../event.ts';
import type { JsonObject } from '../json.ts';
import { type InferenceRequest, promptOf } from '../request.ts';
import type { Output } from '../session.ts';
import type { MessageEncoder, ClientSessionSide } from '../side.ts';
import { errorMessage, readError } from './errors.ts';
import {
  abortMessage,
  chatStartMessage,
  type Envelope,
  idOf,
  promptFault,
  readEnvelope,
  readServerInfo,
  RESPONSE_TIMEOUT_MS,
  SERVER_INFO_TIMEOUT_MS,
  type ServerInfo,
} from './messages.ts';

/** Unread bytes of one answer. The dialect has no flow control, so an answer with more fails. */
export const MAX_UNREAD_BYTES = 1024 * 1024;

interface OpenChat {
  readonly requestId: string;
  /** The time of the host's last message for this chat. */
  lastActivityAt: number;
  unreadBytes: number;
}

/** The client of a host. It waits for `server_info`, then sends prompts, which are all that the dialect carries. */
export class LocalLlmClient implements ClientSessionSide {
  readonly #encode: MessageEncoder;
  readonly #open = new Map<number, OpenChat>();
  #info: ServerInfo | undefined;
  #infoDueAt = Infinity;

  constructor(encode: MessageEncoder) {
    this.#encode = encode;
  }

  /** The host's description of itself. Undefined until it arrives. */
  get info(): ServerInfo | undefined {
    return this.#info;
  }

  start(now: number): Output[] {
    this.#infoDueAt = now + SERVER_INFO_TIMEOUT_MS;
    return [];
  }

  ask(id: number, request: InferenceRequest, now: number): Output[] {
    const prompt = promptOf(request, 'A LocalLLM host');
    const fault = promptFault(prompt);
    if (fault !== undefined) throw ShoalError.invalidRequest(fault);
    const requestId = `req-${id}`;
    this.#open.set(id, { requestId, lastActivityAt: now, unreadBytes: 0 });
    return [this.#send(chatStartMessage(requestId, prompt))];
  }

  message(message: JsonObject, bytes: number, now: number): Output[] | undefined {
    switch (message['type']) {
      case 'server_info':
        return this.#serverInfo(message);
      case 'chat_chunk':
        return this.#chat(message, (chat, envelope) => readChunk(chat, envelope, bytes), bytes, now);
      case 'chat_end':
        return this.#chat(message, (_chat, envelope) => readEnd(envelope), 0, now);
      case 'error':
        return this.#error(message);
      default:
        return undefined;
    }
  }

  fault(error: ShoalError): Output[] {
    return [this.#send(errorMessage(error))];
  }

  abort(id: number): Output[] {
    const chat = this.#open.get(id);
    if (chat === undefined) return [];
    return [this.#cancel(chat), this.#end(id, { type: 'finish', reason: 'abort', rawReason: 'abort' })];
  }

  consumed(id: number, bytes: number): Output[] {
    const chat = this.#open.get(id);
    if (chat !== undefined) chat.unreadBytes -= bytes;
    return [];
  }

  tick(now: number): Output[] {
    if (now >= this.#infoDueAt)
      return this.#close(timeout(`sent no server_info within ${SERVER_INFO_TIMEOUT_MS / 1000} s`));
    const late = [...this.#open].filter(([, chat]) => now >= chat.lastActivityAt + RESPONSE_TIMEOUT_MS);
    const error = timeout(`sent nothing for ${RESPONSE_TIMEOUT_MS / 1000} s`);
    return late.flatMap(([id, chat]) => [this.#cancel(chat), this.#end(id, { type: 'error', error })]);
  }

  get wakeAt(): number {
    const times = [...this.#open.values()].map((chat) => chat.lastActivityAt + RESPONSE_TIMEOUT_MS);
    return Math.min(this.#infoDueAt, ...times);
  }

  end(): Output[] {
    this.#infoDueAt = Infinity;
    return this.#failAll(new ShoalError('HOST_DISCONNECTED', 'The host disconnected. Connect again when it is back.'));
  }

  #serverInfo(message: JsonObject): Output[] {
    try {
      const info = readServerInfo(readEnvelope(message));
      this.#info = info;
      this.#infoDueAt = Infinity;
      return [
        { type: 'peer', peer: { dialect: 'localllm', name: info.hostName, models: [{ id: info.model }], lends: true } },
      ];
    } catch (thrown) {
      return this.#close(ShoalError.from(thrown));
    }
  }

  /**
   * Turns a message of an open chat into an event, and drops messages of other chats. An invalid message ends its chat with
   * an error, because the rest of the answer may be incomplete.
   */
  #chat(
    message: JsonObject,
    read: (chat: OpenChat, envelope: Envelope) => InferenceEvent,
    bytes: number,
    now: number,
  ): Output[] {
    const [id, chat] = this.#find(idOf(message)) ?? [];
    if (id === undefined || chat === undefined) return [];
    chat.lastActivityAt = now;
    try {
      const event = read(chat, readEnvelope(message));
      return [isTerminal(event) ? this.#end(id, event) : { type: 'event', id, event, bytes }];
    } catch (thrown) {
      return [this.#cancel(chat), this.#end(id, { type: 'error', error: ShoalError.from(thrown) })];
    }
  }

  /** An error without an id is about the connection before `server_info`, and about all open chats after it. */
  #error(message: JsonObject): Output[] {
    const error = readError(message);
    const requestId = idOf(message);
    if (requestId === undefined) return this.#info === undefined ? this.#close(error) : this.#failAll(error);
    const id = this.#find(requestId)?.[0];
    return id === undefined ? [] : [this.#end(id, { type: 'error', error })];
  }

  #find(requestId: string | undefined): [number, OpenChat] | undefined {
    return [...this.#open].find(([, chat]) => chat.requestId === requestId);
  }

  #close(error: ShoalError): Output[] {
    this.#infoDueAt = Infinity;
    return [...this.#failAll(error), { type: 'close', error }];
  }

  #failAll(error: ShoalError): Output[] {
    return [...this.#open.keys()].map((id) => this.#end(id, { type: 'error', error }));
  }

  #end(id: number, event: InferenceEvent): Output {
    this.#open.delete(id);
    return { type: 'event', id, event, bytes: 0 };
  }

  #cancel({ requestId }: OpenChat): Output {
    return this.#send(abortMessage(requestId));
  }

  #send(message: object): Output {
    return { type: 'send', bytes: this.#encode(message).bytes };
  }
}

function readChunk(chat: OpenChat, { payload }: Envelope, bytes: number): InferenceEvent {
  const text = payload.required('text', payload.string('text'));
  chat.unreadBytes += bytes;
  if (chat.unreadBytes > MAX_UNREAD_BYTES) {
    throw ShoalError.aborted(`More than ${MAX_UNREAD_BYTES} bytes of the answer waited to be read.`);
  }
  return { type: 'text', text, tokens: [] };
}

/** The reference client also accepts `error`. Any other reason is a bad message. */
function readEnd({ payload }: Envelope): InferenceEvent {
  const rawReason = payload.required('finish_reason', payload.string('finish_reason'));
  switch (rawReason) {
    case 'stop':
      return payload.boolean('truncated') === true
        ? { type: 'finish', reason: 'length', rawReason: 'truncated' }
        : { type: 'finish', reason: 'stop', rawReason };
    case 'abort':
      // A chat that was aborted here is not open any more.
      return { type: 'error', error: ShoalError.unaskedAbort() };
    case 'error':
      return { type: 'error', error: ShoalError.generationFailed('The host failed without a reason.') };
    default:
      throw ShoalError.badMessage(`chat_end has an unknown finish_reason: ${rawReason.slice(0, 64)}.`);
  }
}

function timeout(what: string): ShoalError {
  return new ShoalError('TIMEOUT_NO_RESPONSE', `The host ${what}.`);
}
