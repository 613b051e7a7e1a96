import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';

/** A host's description of itself, sent once to each client that connects. */
export interface ServerInfo {
  readonly hostName: string;
  readonly model: string;
  /** `ready` if the host accepts a `chat_start` now. */
  readonly status: 'ready' | 'busy';
}

/** The reasons that the reference client accepts. */
export type ChatEndReason = 'stop' | 'abort';

/** The largest line to a host, in bytes. */
export const MAX_LINE_BYTES = 64 * 1024;
/** The largest line to a client, in bytes. Other programs may send longer lines than this one. */
export const MAX_HOST_LINE_BYTES = 1024 * 1024;
/** The longest id of a chat, in UTF-16 units. Every chunk repeats it. */
export const MAX_ID_LENGTH = 256;
/** The longest LocalLLM prompt in UTF-8. A longer one is refused with `BAD_MESSAGE`. */
export const MAX_PROMPT_BYTES = 8_192;
/** Clients of one LocalLLM host. The next one is refused with `CONNECT_FAILED`, or replaces an idle one. */
export const MAX_CLIENTS = 5;
/** The longest time without a message, or without output of the model, while an answer is open. */
export const RESPONSE_TIMEOUT_MS = 30_000;
/** The longest time until a host's `server_info`. */
export const SERVER_INFO_TIMEOUT_MS = 15_000;

/** The only version. */
const VERSION = 1;

/** A message of a known type. */
export interface Envelope {
  readonly type: string;
  readonly requestId: string | undefined;
  readonly payload: Fields;
}

/** Throws `BAD_MESSAGE`, or `UNSUPPORTED_VERSION` for another version. */
export function readEnvelope(message: JsonObject): Envelope {
  const type = String(message['type']);
  const version = Object.hasOwn(message, 'version') ? message['version'] : undefined;
  if (version !== undefined && version !== null && version !== VERSION) {
    throw new ShoalError('UNSUPPORTED_VERSION', `Only version ${VERSION} of this protocol is spoken here.`);
  }
  const fields = new Fields(message, type);
  const payload = fields.object('payload') ?? new Fields({}, `${type}.payload`);
  return { type, requestId: fields.string('request_id'), payload };
}

export function requiredId({ type, requestId }: Envelope): string {
  if (requestId === undefined) throw ShoalError.badMessage(`${type} must have "request_id".`);
  if (requestId.length > MAX_ID_LENGTH) {
    throw ShoalError.badMessage(`"request_id" may have at most ${MAX_ID_LENGTH} characters.`);
  }
  return requestId;
}

/** Returns the id of a message that may be invalid. Undefined if it has no readable id. */
export function idOf(message: JsonObject): string | undefined {
  const id = Object.hasOwn(message, 'request_id') ? message['request_id'] : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** Returns the id of a message that may be invalid, for its error. Undefined if it has none that may be repeated. */
export function echoedId(message: JsonObject): string | undefined {
  const id = idOf(message);
  return id === undefined || id.length > MAX_ID_LENGTH ? undefined : id;
}

export function serverInfoMessage({ hostName, model, status }: ServerInfo): object {
  return { type: 'server_info', payload: { host_name: hostName, model, status } };
}

/** Names may be empty. Any status except `busy` means `ready`. */
export function readServerInfo({ payload }: Envelope): ServerInfo {
  return {
    hostName: payload.peerName('host_name') ?? '',
    model: payload.peerName('model') ?? '',
    status: payload.string('status') === 'busy' ? 'busy' : 'ready',
  };
}

export function chatStartMessage(requestId: string, prompt: string): object {
  return { type: 'chat_start', request_id: requestId, payload: { prompt } };
}

export function readPrompt({ payload }: Envelope): string {
  return payload.required('prompt', payload.string('prompt'));
}

/** Returns the reason why a prompt is invalid. Undefined if it is valid. */
export function promptFault(prompt: string): string | undefined {
  if (prompt === '') return 'The prompt is empty.';
  const bytes = b4a.byteLength(prompt, 'utf8');
  if (bytes <= MAX_PROMPT_BYTES) return undefined;
  return `The prompt is too long: it has ${bytes} bytes of at most ${MAX_PROMPT_BYTES}.`;
}

export function chatChunkMessage(requestId: string, text: string): object {
  return { type: 'chat_chunk', request_id: requestId, payload: { text } };
}

/** `truncated` marks an answer that a limit cut. Its reason stays `stop`, because other clients reject further reasons. */
export function chatEndMessage(requestId: string, reason: ChatEndReason, truncated = false): object {
  return {
    type: 'chat_end',
    request_id: requestId,
    payload: { finish_reason: reason, ...(truncated ? { truncated } : {}) },
  };
}

export function abortMessage(requestId: string): object {
  return { type: 'abort', request_id: requestId };
}
