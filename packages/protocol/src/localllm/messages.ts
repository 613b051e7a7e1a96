import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';

/** What a host says of itself, once, to each client that connects. */
export interface ServerInfo {
  readonly hostName: string;
  readonly model: string;
  /** Whether a `chat_start` would be taken right now. */
  readonly status: 'ready' | 'busy';
}

/** The two reasons that the reference client takes. */
export type ChatEndReason = 'stop' | 'abort';

/** The largest line that a host takes, in bytes. */
export const MAX_LINE_BYTES = 64 * 1024;
/** The largest line that a client takes, in bytes: ours are short, another program's may not be. */
export const MAX_HOST_LINE_BYTES = 1024 * 1024;
/** The longest id of a chat, in UTF-16 units: each of its chunks repeats it. */
export const MAX_ID_LENGTH = 256;
/** The longest LocalLLM prompt in UTF-8. A longer one is refused with `BAD_MESSAGE`. */
export const MAX_PROMPT_BYTES = 8_192;
/** Clients of one LocalLLM host. The next one is refused with `CONNECT_FAILED`. */
export const MAX_CLIENTS = 5;
/** How long either side waits for the other, or for the model, while an answer is owed. */
export const RESPONSE_TIMEOUT_MS = 30_000;
/** How long a client waits for the host's first word. */
export const SERVER_INFO_TIMEOUT_MS = 15_000;

/** The one version there is: an envelope that says another is not understood. */
const VERSION = 1;

/** One message of a known type. */
export interface Envelope {
  readonly type: string;
  readonly requestId: string | undefined;
  readonly payload: Fields;
}

/** Throws `BAD_MESSAGE`, and `UNSUPPORTED_VERSION` for an envelope of another version. */
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

/** The id of a message that may be a bad one, as far as it can be read. */
export function idOf(message: JsonObject): string | undefined {
  const id = Object.hasOwn(message, 'request_id') ? message['request_id'] : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** The same, as far as it can be echoed. */
export function echoedId(message: JsonObject): string | undefined {
  const id = idOf(message);
  return id === undefined || id.length > MAX_ID_LENGTH ? undefined : id;
}

export function serverInfoMessage({ hostName, model, status }: ServerInfo): object {
  return { type: 'server_info', payload: { host_name: hostName, model, status } };
}

/** Names may be empty; a status that is not `busy` is taken for `ready`. */
export function readServerInfo({ payload }: Envelope): ServerInfo {
  return {
    hostName: payload.string('host_name') ?? '',
    model: payload.string('model') ?? '',
    status: payload.string('status') === 'busy' ? 'busy' : 'ready',
  };
}

export function chatStartMessage(requestId: string, prompt: string): object {
  return { type: 'chat_start', request_id: requestId, payload: { prompt } };
}

export function readPrompt({ payload }: Envelope): string {
  return payload.required('prompt', payload.string('prompt'));
}

/** What is wrong with a prompt, if anything: the same words at both ends. */
export function promptFault(prompt: string): string | undefined {
  if (prompt === '') return 'The prompt is empty.';
  const bytes = b4a.byteLength(prompt, 'utf8');
  if (bytes <= MAX_PROMPT_BYTES) return undefined;
  return `The prompt is too long: it has ${bytes} bytes of at most ${MAX_PROMPT_BYTES}.`;
}

export function chatChunkMessage(requestId: string, text: string): object {
  return { type: 'chat_chunk', request_id: requestId, payload: { text } };
}

/** `truncated` says beside `stop` that a limit cut the answer: another reason would be a bad message to other clients. */
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
