import { Fields } from '../fields.ts';
import type { JsonObject } from '../json.ts';
import { ABILITIES, type Ability, type ModelInfo } from '../model.ts';
import { MAX_HELLO_ITEMS } from '../opengateway/messages.ts';
import { cutName } from '../peer-text.ts';
import type { PeerStatus } from '../session.ts';

/** The `protocol` of a `peer_hello` that selects this dialect. */
export const PROTOCOL = 'shoal/1';

/** The default port of a WebSocket door. */
export const WEBSOCKET_PORT = 17_003;
/** The default port of a TCP door. */
export const TCP_PORT = 17_004;
export const WEBSOCKET_PATH = '/shoal/v1';

/** The largest message before a required hello, in bytes. */
export const MAX_BYTES_BEFORE_HELLO = 16 * 1024;
/**
 * The largest `shoal/1` request. A larger one is refused with `INVALID_REQUEST`; a peer that sends one is
 * disconnected.
 */
export const MAX_REQUEST_BYTES = 1024 * 1024;
/** The largest message of any other type, in bytes. */
export const MAX_MESSAGE_BYTES = 256 * 1024;
/** Bytes of content that a worker may send before the first `inference_credit`. */
export const INITIAL_CREDIT_BYTES = 256 * 1024;

const MAX_COUNT = 0xffff_ffff;

const KNOWN_ABILITIES: ReadonlySet<string> = new Set(ABILITIES);

export interface Hardware {
  readonly cpu_cores?: number | undefined;
  readonly ram_gb?: number | undefined;
  readonly gpu_vram_gb?: number | undefined;
}

export interface ModelMessage {
  readonly id: string;
  readonly digest?: string | undefined;
  readonly context_length?: number | undefined;
  readonly quantization?: string | undefined;
  readonly abilities?: readonly Ability[] | undefined;
}

/** A superset of OpenGateway's hello, which has only the first three fields. */
export interface HelloMessage {
  readonly type: 'peer_hello';
  readonly node_name: string;
  readonly clusters: readonly string[];
  readonly supported_models: readonly string[];
  readonly protocol: typeof PROTOCOL;
  readonly peer_id: string;
  readonly version: string;
  readonly addresses?: readonly string[] | undefined;
  readonly hardware?: Hardware | undefined;
  readonly uptime_s: number;
  /** For a door that requires a token. */
  readonly token?: string | undefined;
  /** Sent by a door: a client signs it to prove its key. Hex. */
  readonly challenge?: string | undefined;
  /** The signature of the door's challenge with the key `peer_id`. Hex. */
  readonly signature?: string | undefined;
  readonly roles: readonly ('worker' | 'client')[];
  readonly models: readonly ModelMessage[];
  readonly capacity?: { readonly slots: number; readonly queue: number } | undefined;
}

export interface StatusMessage {
  readonly type: 'peer_status';
  readonly health: number;
  readonly active: number;
  readonly queued: number;
  readonly slots: number;
  readonly tokens_per_second?: number | undefined;
  readonly unavailable?: readonly string[] | undefined;
}

/** True if a `peer_hello` selects this dialect. */
export function speaksShoal(hello: JsonObject): boolean {
  return hello['protocol'] === PROTOCOL;
}

export function readHello(message: JsonObject): HelloMessage {
  const fields = new Fields(message, 'peer_hello');
  const capacity = fields.object('capacity');
  const token = fields.string('token');
  const challenge = fields.string('challenge');
  const signature = fields.string('signature');
  const roles = fields.strings('roles', MAX_HELLO_ITEMS) ?? [];
  return {
    type: 'peer_hello',
    node_name: fields.peerName('node_name') ?? '',
    clusters: fields.strings('clusters', MAX_HELLO_ITEMS) ?? [],
    supported_models: (fields.strings('supported_models', MAX_HELLO_ITEMS) ?? []).map(cutName),
    protocol: PROTOCOL,
    peer_id: fields.required('peer_id', fields.peerName('peer_id')),
    version: fields.peerName('version') ?? '',
    uptime_s: fields.number('uptime_s', 0, Number.MAX_SAFE_INTEGER) ?? 0,
    ...(token === undefined ? {} : { token }),
    ...(challenge === undefined ? {} : { challenge }),
    ...(signature === undefined ? {} : { signature }),
    roles: roles.filter((role) => role === 'worker' || role === 'client'),
    models: (fields.objects('models', MAX_HELLO_ITEMS) ?? []).map(readModel),
    ...(capacity === undefined
      ? {}
      : { capacity: { slots: count(capacity, 'slots') ?? 0, queue: count(capacity, 'queue') ?? 0 } }),
  };
}

export function readStatus(message: JsonObject): PeerStatus {
  const fields = new Fields(message, 'peer_status');
  const tokensPerSecond = fields.number('tokens_per_second', 0, MAX_COUNT);
  const unavailable = fields.strings('unavailable', MAX_HELLO_ITEMS);
  return {
    health: fields.required('health', fields.number('health', 0, 100)),
    active: fields.required('active', count(fields, 'active')),
    queued: fields.required('queued', count(fields, 'queued')),
    slots: fields.required('slots', count(fields, 'slots')),
    ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
    ...(unavailable === undefined ? {} : { unavailable }),
  };
}

export function statusMessage(status: PeerStatus): StatusMessage {
  return {
    type: 'peer_status',
    health: status.health,
    active: status.active,
    queued: status.queued,
    slots: status.slots,
    ...(status.tokensPerSecond === undefined ? {} : { tokens_per_second: status.tokensPerSecond }),
    ...(status.unavailable === undefined ? {} : { unavailable: status.unavailable }),
  };
}

export function modelMessage(model: ModelInfo): ModelMessage {
  return {
    id: model.id,
    ...(model.digest === undefined ? {} : { digest: model.digest }),
    ...(model.contextLength === undefined ? {} : { context_length: model.contextLength }),
    ...(model.quantization === undefined ? {} : { quantization: model.quantization }),
    ...(model.abilities === undefined ? {} : { abilities: model.abilities }),
  };
}

export function modelInfo(message: ModelMessage): ModelInfo {
  return {
    id: message.id,
    ...(message.digest === undefined ? {} : { digest: message.digest }),
    ...(message.context_length === undefined ? {} : { contextLength: message.context_length }),
    ...(message.quantization === undefined ? {} : { quantization: message.quantization }),
    ...(message.abilities === undefined ? {} : { abilities: message.abilities }),
  };
}

function readModel(fields: Fields): ModelMessage {
  const digest = fields.peerName('digest');
  const contextLength = count(fields, 'context_length');
  const quantization = fields.peerName('quantization');
  const abilities = fields.strings('abilities', MAX_HELLO_ITEMS)?.filter(isAbility);
  return {
    id: fields.required('id', fields.peerName('id')),
    ...(digest === undefined ? {} : { digest }),
    ...(contextLength === undefined ? {} : { context_length: contextLength }),
    ...(quantization === undefined ? {} : { quantization }),
    ...(abilities === undefined ? {} : { abilities }),
  };
}

/** A newer peer may send other abilities. */
function isAbility(text: string): text is Ability {
  return KNOWN_ABILITIES.has(text);
}

function count(fields: Fields, name: string): number | undefined {
  return fields.integer(name, 0, MAX_COUNT);
}
