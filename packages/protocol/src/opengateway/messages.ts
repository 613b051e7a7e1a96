import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import { cutName } from '../peer-text.ts';

/** Any JSON value except null. A response repeats it unchanged. */
export type RequestId = unknown;

export interface InferenceRequestMessage {
  readonly type: 'inference_request';
  readonly request_id?: RequestId;
  readonly prompt: string;
  readonly model?: string | undefined;
}

export interface InferenceResponseMessage {
  readonly type: 'inference_response';
  readonly request_id?: RequestId;
  readonly response: string;
  readonly model?: string | undefined;
}

/** A node's description of itself, sent first on every connection. Prompt tools send none. */
export interface PeerHelloMessage {
  readonly type: 'peer_hello';
  readonly node_name: string;
  readonly clusters: readonly string[];
  readonly supported_models: readonly string[];
}

/** The largest OpenGateway message in either direction. A peer that sends a larger one is disconnected. */
export const MAX_MESSAGE_BYTES = 256 * 1024;
/** Items of each list in a hello: clusters, models, roles. A hello with more is refused. */
export const MAX_HELLO_ITEMS = 256;

export function readHello(message: JsonObject): PeerHelloMessage {
  const fields = new Fields(message, 'peer_hello');
  return {
    type: 'peer_hello',
    node_name: fields.peerName('node_name') ?? '',
    clusters: fields.strings('clusters', MAX_HELLO_ITEMS) ?? [],
    supported_models: (fields.strings('supported_models', MAX_HELLO_ITEMS) ?? []).map(cutName),
  };
}

/** Returns undefined for a request without a prompt, which OpenGateway ignores. */
export function readRequest(message: JsonObject): InferenceRequestMessage | undefined {
  const { request_id: requestId, prompt, model } = message;
  if (typeof prompt !== 'string') return undefined;
  return {
    type: 'inference_request',
    prompt,
    ...(requestId === undefined || requestId === null ? {} : { request_id: requestId }),
    ...(typeof model === 'string' && model !== '' ? { model } : {}),
  };
}

/** Returns undefined for a response without a text. */
export function readResponse(message: JsonObject): InferenceResponseMessage | undefined {
  const { request_id: requestId, response, model } = message;
  if (typeof response !== 'string') return undefined;
  return {
    type: 'inference_response',
    response,
    ...(requestId === undefined || requestId === null ? {} : { request_id: requestId }),
    ...(typeof model === 'string' ? { model: cutName(model) } : {}),
  };
}
