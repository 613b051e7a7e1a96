import { ShoalError } from '../error.ts';
import type { InferenceEvent } from '../event.ts';
import type { JsonObject } from '../json.ts';
import type { Output, UploadStep } from '../session.ts';
import { decodeBase64 } from './base64.ts';
import {
  BAD_BASE64,
  errorWords,
  INDEX_GAP,
  NO_CONFIG,
  OVERFLOW,
  OVERLAP,
  sizeMismatch,
  unsupportedFormat,
  UPLOAD_IDLE,
} from './errors.ts';
import { MOUNTED, readModelBegin, readWeightsChunk, type WeightsChunkMessage } from './messages.ts';
import { readModelConfiguration } from './model-configuration.ts';

/** An upload that brings nothing new for this long is given up. */
export const UPLOAD_IDLE_MS = 30_000;
/** The one format that is taken. */
const FORMAT = 'gguf';

interface Receiving {
  readonly is: 'receiving';
  readonly id: number;
  readonly length: number;
  received: number;
  nextIndex: number;
  /** The peer called a chunk the last one. */
  isLastSeen: boolean;
  giveUpAt: number;
}

type State =
  | { readonly is: 'none' }
  /** It had its one error; nothing more is said of it. */
  | { readonly is: 'refused' }
  /** It cannot be taken, which its commit is told. */
  | { readonly is: 'unwanted'; readonly why: string }
  | Receiving
  | { readonly is: 'committed' | 'mounted'; readonly id: number };

/** How the upload speaks for its connection. */
export interface UploadVoice {
  say(message: object): Output;
  nextId(): number;
}

/**
 * The rules of a connection's model: chunks come in order, none twice, none beyond the length, and the first fault gets
 * one `error` and ends it in silence, because the program reads one frame after its commit.
 */
export class ModelUpload {
  readonly #voice: UploadVoice;
  #state: State = { is: 'none' };

  constructor(voice: UploadVoice) {
    this.#voice = voice;
  }

  /** Whether there is a model to ask: mounted, or on its way to be. */
  get isCommitted(): boolean {
    return this.#state.is === 'committed' || this.#state.is === 'mounted';
  }

  /** We held the peer back until now. */
  resumed(now: number): void {
    if (this.#state.is === 'receiving') this.#state.giveUpAt = now + UPLOAD_IDLE_MS;
  }

  get wakeAt(): number {
    return this.#state.is === 'receiving' ? this.#state.giveUpAt : Infinity;
  }

  /** A new upload takes the place of whatever was there. */
  begin(message: JsonObject, now: number): Output[] {
    const dropped = this.#drop();
    try {
      const begun = readModelBegin(message);
      const { format } = readModelConfiguration(begun.config_json);
      if (format !== FORMAT) {
        this.#state = { is: 'unwanted', why: unsupportedFormat(format) };
        return dropped;
      }
      const id = this.#voice.nextId();
      const length = begun.weights_len;
      const giveUpAt = now + UPLOAD_IDLE_MS;
      this.#state = { is: 'receiving', id, length, received: 0, nextIndex: 0, isLastSeen: false, giveUpAt };
      const sha256 = begun.weights_sha256;
      const step: UploadStep = {
        type: 'begin',
        configuration: begun.config_json,
        length,
        sha256,
      };
      return [...dropped, { type: 'upload', id, step }];
    } catch (thrown) {
      return [...dropped, ...this.#refuse(errorWords(ShoalError.from(thrown)))];
    }
  }

  chunk(message: JsonObject, now: number): Output[] {
    const state = this.#state;
    switch (state.is) {
      case 'none':
        return this.#refuse(NO_CONFIG);
      case 'refused':
      case 'unwanted':
        return [];
      case 'receiving':
        return this.#receive(state, message, now);
      case 'committed':
      case 'mounted':
        return [this.#error(OVERFLOW)];
      default:
        return state satisfies never;
    }
  }

  commit(): Output[] {
    const state = this.#state;
    switch (state.is) {
      case 'none':
        return [this.#status(false, NO_CONFIG)];
      case 'refused':
      case 'committed':
        return [];
      case 'unwanted':
        this.#state = { is: 'none' };
        return [this.#status(false, state.why)];
      case 'receiving': {
        const { id, received, length } = state;
        if (received !== length) return [...this.#drop(), this.#status(false, sizeMismatch(received, length))];
        this.#state = { is: 'committed', id };
        return [{ type: 'upload', id, step: { type: 'commit' } }];
      }
      case 'mounted':
        return [this.#status(true, MOUNTED)];
      default:
        return state satisfies never;
    }
  }

  /** What became of the upload of this id; undefined where that is another's. */
  respond(id: number, event: InferenceEvent): Output[] | undefined {
    const state = this.#state;
    if (!('id' in state) || state.id !== id) return undefined;
    if (event.type === 'error') {
      const words = errorWords(event.error);
      if (state.is === 'receiving') return this.#refuse(words);
      return [...this.#drop(), this.#status(false, words)];
    }
    if (event.type !== 'finish' || event.reason === 'abort' || state.is !== 'committed') return [];
    this.#state = { is: 'mounted', id };
    return [this.#status(true, MOUNTED)];
  }

  tick(now: number): Output[] {
    return now >= this.wakeAt ? this.#refuse(UPLOAD_IDLE) : [];
  }

  end(): Output[] {
    return this.#drop();
  }

  #receive(state: Receiving, message: JsonObject, now: number): Output[] {
    try {
      const chunk = readWeightsChunk(message);
      const bytes = decodeBase64(chunk.data_b64);
      if (bytes === undefined) return this.#refuse(BAD_BASE64);
      const fault = faultOf(state, chunk, bytes.length);
      if (fault !== undefined) return this.#refuse(fault);
      state.nextIndex += 1;
      state.isLastSeen = chunk.last;
      if (bytes.length === 0) return [];
      state.received += bytes.length;
      state.giveUpAt = now + UPLOAD_IDLE_MS;
      return [{ type: 'upload', id: state.id, step: { type: 'bytes', bytes } }];
    } catch (thrown) {
      return this.#refuse(errorWords(ShoalError.from(thrown)));
    }
  }

  #refuse(words: string): Output[] {
    const dropped = this.#drop();
    this.#state = { is: 'refused' };
    return [...dropped, this.#error(words)];
  }

  #drop(): Output[] {
    const state = this.#state;
    this.#state = { is: 'none' };
    return 'id' in state ? [{ type: 'upload', id: state.id, step: { type: 'drop' } }] : [];
  }

  #error(words: string): Output {
    return this.#voice.say({ type: 'error', error: words });
  }

  #status(ok: boolean, message: string): Output {
    return this.#voice.say({ type: 'model_status', ok, message });
  }
}

function faultOf(state: Receiving, chunk: WeightsChunkMessage, bytes: number): string | undefined {
  if (chunk.index > state.nextIndex) return INDEX_GAP;
  if (chunk.index < state.nextIndex) return OVERLAP;
  if (state.isLastSeen || state.received + bytes > state.length) return OVERFLOW;
  return undefined;
}
