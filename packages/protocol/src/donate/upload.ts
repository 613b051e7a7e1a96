import { ShoalError } from '../error.ts';
import type { JsonObject } from '../json.ts';
import type { Output } from '../session.ts';
import { decodeBase64 } from './base64.ts';
import {
  BAD_BASE64,
  errorText,
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

/** A model upload that sends nothing for this long ends with `upload timed out`, and its bytes are removed. */
export const UPLOAD_IDLE_MS = 30_000;
/**
 * Bytes of a model per second that an upload must bring. One that is slower for 30 s ends with `upload timed out`. It may pause
 * for as long as it was faster before, up to 30 s.
 */
export const UPLOAD_LEAST_BYTES_PER_SECOND = 64 * 1024;
/** The only accepted format. A configuration may leave it out. */
const FORMAT = 'gguf';

/** One step of a model upload. The steps of one upload come in order. */
export type UploadStep =
  | {
      readonly type: 'begin';
      /** The dialect's own description of the model, JSON text. */
      readonly configuration: string;
      /** In bytes. */
      readonly length: number;
      /** Lower-case hex. Undefined if the peer sends none. */
      readonly sha256?: string | undefined;
    }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  /** All `length` bytes have arrived. */
  | { readonly type: 'commit' }
  /** The upload has failed, or the peer has replaced it or is gone. Everything of it is removed. */
  | { readonly type: 'drop' };

/** The extension event of Donate compute: a step of the upload with this id, which `DonateServer.endUpload` ends. */
export interface UploadEvent {
  readonly id: number;
  readonly step: UploadStep;
}

export type DonateOutput = Output<UploadEvent>;

interface Receiving {
  readonly is: 'receiving';
  readonly id: number;
  readonly length: number;
  received: number;
  nextIndex: number;
  /** True after a chunk with `last`. */
  isLastSeen: boolean;
  giveUpAt: number;
}

type State =
  | { readonly is: 'none' }
  /** Its one error is sent; the rest of it is ignored. */
  | { readonly is: 'refused' }
  /** It cannot be accepted. The reply to its commit has the reason. */
  | { readonly is: 'unsupported'; readonly reason: string }
  | Receiving
  | { readonly is: 'committed' | 'mounted'; readonly id: number };

/** The parts of a connection that an upload uses. */
export interface UploadPort {
  send(message: object): Output;
  nextId(): number;
}

/**
 * Checks the rules of an upload: chunks come in order, none twice, none beyond the length. The first fault gets one `error`
 * and the rest is ignored, because the reference client reads one frame after its commit.
 */
export class ModelUpload {
  readonly #port: UploadPort;
  #state: State = { is: 'none' };
  /** The upload whose chunk is being received. */
  #open: Receiving | undefined;

  constructor(port: UploadPort) {
    this.#port = port;
  }

  /** True if there is a model for jobs: mounted, or committed and about to be. */
  get isCommitted(): boolean {
    return this.#state.is === 'committed' || this.#state.is === 'mounted';
  }

  /** True if chunks of an upload are expected. */
  get isReceiving(): boolean {
    return this.#state.is === 'receiving';
  }

  get wakeAt(): number {
    return this.#state.is === 'receiving' ? this.#state.giveUpAt : Infinity;
  }

  /** Begins an upload, which replaces the one before. */
  begin(message: JsonObject, now: number): DonateOutput[] {
    const dropped = this.#drop();
    try {
      const begun = readModelBegin(message);
      const { format } = readModelConfiguration(begun.config_json);
      if (format !== undefined && format !== FORMAT) {
        this.#state = { is: 'unsupported', reason: unsupportedFormat(format) };
        return dropped;
      }
      const id = this.#port.nextId();
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
      return [...dropped, uploadStep(id, step)];
    } catch (thrown) {
      return [...dropped, ...this.#refuse(errorText(ShoalError.from(thrown)))];
    }
  }

  /** Refuses an upload that begins with a message that is too long. It replaces the one before. */
  refuseBegin(text: string): DonateOutput[] {
    return this.#refuse(text);
  }

  /** Receives a chunk as a whole. */
  chunk(message: JsonObject, now: number): DonateOutput[] {
    const opening = this.openChunk({ index: 0, ...message });
    if (this.#open === undefined) return opening;
    const bytes = decodeBase64(readWeightsChunk(message).data_b64);
    const added = bytes === undefined ? this.refuseChunk(BAD_BASE64) : this.addToChunk([bytes], now);
    return [...added, ...this.closeChunk(message)];
  }

  /** Begins a chunk, whose data follows. `head` has the fields in front of the data; without an index it is the next chunk. */
  openChunk(head: JsonObject): DonateOutput[] {
    const state = this.#state;
    switch (state.is) {
      case 'none':
        return this.#refuse(NO_CONFIG);
      case 'refused':
      case 'unsupported':
        return [];
      case 'receiving':
        return this.#openChunk(state, head);
      case 'committed':
      case 'mounted':
        return [this.#error(OVERFLOW)];
      default:
        return state satisfies never;
    }
  }

  /** Receives data of the open chunk. Does nothing if there is none, because it was refused. */
  addToChunk(blocks: readonly Uint8Array[], now: number): DonateOutput[] {
    const state = this.#open;
    const bytes = blocks.reduce((sum, block) => sum + block.length, 0);
    if (state === undefined || bytes === 0) return [];
    if (state.received + bytes > state.length) return this.#refuse(OVERFLOW);
    state.received += bytes;
    state.giveUpAt = laterGiveUpAt(state, bytes, now);
    return blocks.map((block) => uploadStep(state.id, { type: 'bytes', bytes: block }));
  }

  /** Ends the open chunk. `message` has all its fields. */
  closeChunk(message: JsonObject): DonateOutput[] {
    const state = this.#open;
    if (state === undefined) return [];
    try {
      const chunk = readWeightsChunk(message);
      const fault = faultOf(state, chunk);
      if (fault !== undefined) return this.#refuse(fault);
      this.#open = undefined;
      state.nextIndex += 1;
      state.isLastSeen = chunk.last;
      return [];
    } catch (thrown) {
      return this.#refuse(errorText(ShoalError.from(thrown)));
    }
  }

  /** Fails the upload of the open chunk. Does nothing if there is none. */
  refuseChunk(text: string): DonateOutput[] {
    return this.#open === undefined ? [] : this.#refuse(text);
  }

  commit(): DonateOutput[] {
    const state = this.#state;
    switch (state.is) {
      case 'none':
        return [this.#status(false, NO_CONFIG)];
      case 'refused':
      case 'committed':
        return [];
      case 'unsupported':
        this.#state = { is: 'none' };
        return [this.#status(false, state.reason)];
      case 'receiving': {
        const { id, received, length } = state;
        if (received !== length) return [...this.#drop(), this.#status(false, sizeMismatch(received, length))];
        this.#state = { is: 'committed', id };
        return [uploadStep(id, { type: 'commit' })];
      }
      case 'mounted':
        return [this.#status(true, MOUNTED)];
      default:
        return state satisfies never;
    }
  }

  /** Reports the result of the upload with this id: mounted, or the error that prevents it. */
  ended(id: number, error: ShoalError | undefined): DonateOutput[] {
    const state = this.#state;
    if (!('id' in state) || state.id !== id) return [];
    if (error !== undefined) {
      const text = errorText(error);
      if (state.is === 'receiving') return this.#refuse(text);
      return [...this.#drop(), this.#status(false, text)];
    }
    if (state.is !== 'committed') return [];
    this.#state = { is: 'mounted', id };
    return [this.#status(true, MOUNTED)];
  }

  tick(now: number): DonateOutput[] {
    return now >= this.wakeAt ? this.#refuse(UPLOAD_IDLE) : [];
  }

  end(): DonateOutput[] {
    return this.#drop();
  }

  #openChunk(state: Receiving, head: JsonObject): DonateOutput[] {
    try {
      const fault = faultOf(state, readWeightsChunk({ index: state.nextIndex, ...head }));
      if (fault !== undefined) return this.#refuse(fault);
      this.#open = state;
      return [];
    } catch (thrown) {
      return this.#refuse(errorText(ShoalError.from(thrown)));
    }
  }

  #refuse(text: string): DonateOutput[] {
    const dropped = this.#drop();
    this.#state = { is: 'refused' };
    return [...dropped, this.#error(text)];
  }

  #drop(): DonateOutput[] {
    const state = this.#state;
    this.#state = { is: 'none' };
    this.#open = undefined;
    return 'id' in state ? [uploadStep(state.id, { type: 'drop' })] : [];
  }

  #error(text: string): DonateOutput {
    return this.#port.send({ type: 'error', error: text });
  }

  #status(ok: boolean, message: string): DonateOutput {
    return this.#port.send({ type: 'model_status', ok, message });
  }
}

function uploadStep(id: number, step: UploadStep): DonateOutput {
  return { type: 'extension', event: { id, step } };
}

/** Bytes put the end off by the time that they may take at the least rate. The last ones leave time for the commit. */
function laterGiveUpAt({ giveUpAt, received, length }: Receiving, bytes: number, now: number): number {
  const latest = now + UPLOAD_IDLE_MS;
  return received === length ? latest : Math.min(latest, giveUpAt + (bytes * 1000) / UPLOAD_LEAST_BYTES_PER_SECOND);
}

function faultOf(state: Receiving, chunk: WeightsChunkMessage): string | undefined {
  if (chunk.index > state.nextIndex) return INDEX_GAP;
  if (chunk.index < state.nextIndex) return OVERLAP;
  return state.isLastSeen ? OVERFLOW : undefined;
}
