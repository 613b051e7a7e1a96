import b4a from 'b4a';
import { ShoalError } from '../error.ts';
import { Fields } from '../fields.ts';
import { type Framer, lengthPrefixFramer } from '../framing/index.ts';
import type { JsonObject } from '../json.ts';

/** The value of `v` in every frame. */
export const VERSION = 1;
/** The default port of a node. */
export const DEFAULT_PORT = 17_001;

/** `model_push`: clients push a model and send token ids. `local_lm`: the node has a model and answers prompts. */
export const MODES = ['model_push', 'local_lm'] as const;
export type Mode = (typeof MODES)[number];

/** The largest Donate compute frame in either direction. A peer that sends a larger one is disconnected. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;
/** The largest model that can be pushed. A larger one is refused with `bad weights_len`. */
export const MAX_WEIGHTS_BYTES = 100 * MAX_FRAME_BYTES;
/** Bytes of a model in one chunk of our client, before encoding. */
export const CHUNK_BYTES = 1024 * 1024;
/** The largest Donate compute job. A larger one is refused. */
export const MAX_JOB_BYTES = 1024 * 1024;
/** The largest Donate compute result. A larger one fails its job; a result repeats the ids of its job. */
export const MAX_RESULT_BYTES = 4 * 1024 * 1024;
/** New tokens of a job without a number. */
export const DEFAULT_MAX_TOKENS = 8;
export const DEFAULT_MAX_OUT = 256;

const MAX_INT32 = 0x7fff_ffff;

export interface HelloMessage {
  readonly mode: Mode;
  /** The model of a `local_lm` node. Nodes of other programs send a path. */
  readonly local_lm_path?: string | undefined;
  readonly queue_capacity?: number | undefined;
}

export interface ModelBeginMessage {
  readonly config_json: string;
  readonly weights_len: number;
  /** Lower-case hex. */
  readonly weights_sha256?: string | undefined;
}

export interface WeightsChunkMessage {
  readonly index: number;
  readonly last: boolean;
  /** The base64 text in ASCII. */
  readonly data_b64: Uint8Array;
}

export interface InferMessage {
  readonly type: 'infer';
  readonly job_id: string;
  readonly input_ids: readonly number[];
  readonly max_tokens: number;
}

export interface PromptMessage {
  readonly type: 'prompt';
  readonly job_id: string;
  readonly prompt: string;
  readonly max_out: number;
}

/** `infer_result` or `prompt_result`: `output_ids` or `text` where `ok`, else `error`. */
export interface ResultMessage {
  readonly job_id: string;
  readonly ok: boolean;
  readonly output_ids?: readonly number[] | undefined;
  readonly text?: string | undefined;
  readonly error?: string | undefined;
  readonly queue_depth: number;
}

export interface ModelStatusMessage {
  readonly ok: boolean;
  readonly message?: string | undefined;
}

/** The message of a successful `model_status`. */
export const MOUNTED = 'mounted';

export interface QueueStatus {
  /** Waiting jobs. */
  readonly depth: number;
  readonly capacity: number;
  /** True if a job runs. */
  readonly in_progress: boolean;
}

/** Returns a framer for either end. `storeLimit` is the longest message that this end stores, in bytes. */
export function donateFramer(storeLimit = MAX_FRAME_BYTES): Framer {
  return lengthPrefixFramer({ endianness: 'little', limit: MAX_FRAME_BYTES, storeLimit, emptyFrame: 'fault' });
}

/** Throws `BAD_MESSAGE` for another version. A frame without `v` is accepted, as in the reference implementation. */
export function checkVersion(message: JsonObject): void {
  const version = message['v'];
  if (version !== undefined && version !== VERSION) {
    throw ShoalError.badMessage(`This node speaks version ${VERSION}.`);
  }
}

export function readHello(message: JsonObject): HelloMessage {
  const fields = new Fields(message, 'hello');
  const mode = fields.required('mode', fields.string('mode'));
  if (!isMode(mode)) throw ShoalError.badMessage(`hello: "mode" must be one of ${MODES.join(', ')}.`);
  const path = fields.peerName('local_lm_path');
  const capacity = fields.integer('queue_capacity', 0, MAX_INT32);
  return {
    mode,
    ...(path === undefined ? {} : { local_lm_path: path }),
    ...(capacity === undefined ? {} : { queue_capacity: capacity }),
  };
}

/** Throws `INVALID_REQUEST` for an invalid length. */
export function readModelBegin(message: JsonObject): ModelBeginMessage {
  const length = message['weights_len'];
  if (!Number.isInteger(length) || Number(length) < 1 || Number(length) > MAX_WEIGHTS_BYTES) {
    throw ShoalError.invalidRequest('bad weights_len');
  }
  const fields = new Fields(message, 'model_begin');
  const digest = fields.string('weights_sha256')?.toLowerCase() ?? '';
  if (digest !== '' && !/^[0-9a-f]{64}$/.test(digest)) {
    throw ShoalError.badMessage('model_begin: "weights_sha256" must be 64 hex digits.');
  }
  return {
    config_json: fields.string('config_json') ?? '',
    weights_len: Number(length),
    ...(digest === '' ? {} : { weights_sha256: digest }),
  };
}

/** A missing field has the zero value of its type, as in the reference implementation. `data_b64` may already be bytes. */
export function readWeightsChunk(message: JsonObject): WeightsChunkMessage {
  const fields = new Fields(message, 'weights_chunk');
  const data = message['data_b64'];
  return {
    index: fields.integer('index', 0, MAX_INT32) ?? 0,
    last: fields.boolean('last') ?? false,
    data_b64: data instanceof Uint8Array ? data : b4a.from(fields.string('data_b64') ?? '', 'utf8'),
  };
}

/** Ids may be any int32; the engine checks if the model has them. */
export function readInfer(message: JsonObject): InferMessage {
  const fields = new Fields(message, 'infer');
  const ids = message['input_ids'] ?? [];
  if (!Array.isArray(ids) || !ids.every(isInt32)) {
    throw ShoalError.badMessage('infer: "input_ids" must be a list of token ids.');
  }
  return {
    type: 'infer',
    job_id: fields.string('job_id') ?? '',
    input_ids: ids,
    max_tokens: readTokens(fields, 'max_tokens') ?? DEFAULT_MAX_TOKENS,
  };
}

export function readPrompt(message: JsonObject): PromptMessage {
  const fields = new Fields(message, 'prompt');
  return {
    type: 'prompt',
    job_id: fields.string('job_id') ?? '',
    prompt: fields.required('prompt', fields.string('prompt')),
    max_out: readTokens(fields, 'max_out') ?? DEFAULT_MAX_OUT,
  };
}

export function readResult(message: JsonObject): ResultMessage {
  const fields = new Fields(message, 'result');
  const ids = message['output_ids'] ?? undefined;
  if (ids !== undefined && (!Array.isArray(ids) || !ids.every(isInt32))) {
    throw ShoalError.badMessage('result: "output_ids" must be a list of token ids.');
  }
  const [text, error] = [fields.string('text'), fields.string('error')];
  return {
    job_id: fields.string('job_id') ?? '',
    ok: fields.boolean('ok') ?? false,
    queue_depth: fields.integer('queue_depth', 0, MAX_INT32) ?? 0,
    ...(ids === undefined ? {} : { output_ids: ids }),
    ...(text === undefined ? {} : { text }),
    ...(error === undefined ? {} : { error }),
  };
}

export function readModelStatus(message: JsonObject): ModelStatusMessage {
  const fields = new Fields(message, 'model_status');
  const text = fields.string('message');
  return { ok: fields.boolean('ok') ?? false, ...(text === undefined ? {} : { message: text }) };
}

/** Returns undefined for 0 and below, which mean the default in the reference implementation. */
function readTokens(fields: Fields, name: string): number | undefined {
  const tokens = fields.integer(name, -MAX_INT32 - 1, MAX_INT32) ?? 0;
  return tokens > 0 ? tokens : undefined;
}

function isMode(text: string): text is Mode {
  return MODES.some((mode) => mode === text);
}

function isInt32(value: unknown): value is number {
  return Number.isInteger(value) && Math.abs(Number(value)) <= MAX_INT32;
}
