import { ShoalError } from '../error.ts';
import { type BodyPiece, isLastPiece } from '../framing/framer.ts';
import type { JsonObject } from '../json.ts';
import { ChunkStream } from './chunk-stream.ts';
import { BAD_BASE64, errorText } from './errors.ts';
import { checkVersion } from './messages.ts';
import type { DonateOutput, ModelUpload } from './upload.ts';

const CHUNK = 'weights_chunk';

/**
 * Receives chunks that are too large to be stored, and passes their data on as it arrives. A chunk whose type or index is behind
 * its data is taken for the next one: every fault of a chunk fails its upload, so nothing has to be taken back.
 */
export class ChunkReceiver {
  readonly #upload: ModelUpload;
  readonly #answerOther: (head: JsonObject, bytes: number) => DonateOutput[];
  #stream: ChunkStream | undefined;
  /** True if the upload has been told of the chunk. */
  #isOpen = false;

  /** `answerOther` answers a large message of another type. `head` has the members in front. */
  constructor(upload: ModelUpload, answerOther: (head: JsonObject, bytes: number) => DonateOutput[]) {
    this.#upload = upload;
    this.#answerOther = answerOther;
  }

  /** Takes the next piece of a large message. Throws `BAD_MESSAGE` at the last one if no upload is affected. */
  piece(piece: BodyPiece, now: number): DonateOutput[] {
    const stream = (this.#stream ??= new ChunkStream(piece.length));
    const hadHead = stream.members !== undefined;
    stream.push(piece.bytes);
    const outputs = hadHead || stream.members === undefined ? [] : this.#begin(stream, stream.members);
    if (this.#isOpen) outputs.push(...this.#passOn(stream, now));
    if (!isLastPiece(piece)) return outputs;
    const wasOpen = this.#isOpen;
    this.#stream = undefined;
    this.#isOpen = false;
    return [...outputs, ...this.#end(stream, wasOpen, piece.length, now)];
  }

  #begin(stream: ChunkStream, head: JsonObject): DonateOutput[] {
    const { type = CHUNK } = head;
    if (!stream.hasData || type !== CHUNK || !this.#upload.isReceiving) {
      stream.dropData();
      return [];
    }
    this.#isOpen = true;
    return this.#upload.openChunk(head);
  }

  #passOn(stream: ChunkStream, now: number): DonateOutput[] {
    const blocks = stream.take();
    return stream.isBadData ? this.#upload.refuseChunk(BAD_BASE64) : this.#upload.addToChunk(blocks, now);
  }

  #end(stream: ChunkStream, wasOpen: boolean, bytes: number, now: number): DonateOutput[] {
    if (!stream.hasData) {
      if (stream.fault !== undefined) throw stream.fault;
      return this.#answerOther(stream.members ?? {}, bytes);
    }
    try {
      const message = stream.end();
      checkVersion(message);
      const isChunk = message['type'] === CHUNK;
      if (!wasOpen && !isChunk) return this.#answerOther(message, bytes);
      if (!wasOpen && !this.#upload.isReceiving) return this.#upload.openChunk(message);
      if (!wasOpen || !isChunk || message['data_b64'] !== '') throw ambiguous();
      return [...this.#passOn(stream, now), ...this.#upload.closeChunk(message)];
    } catch (thrown) {
      // A part of the chunk may be written, so the whole upload has failed.
      if (wasOpen) return this.#upload.refuseChunk(errorText(ShoalError.from(thrown)));
      throw thrown;
    }
  }
}

/** A field is there twice, and it is unclear which of the two is meant. */
function ambiguous(): ShoalError {
  return ShoalError.badMessage('A chunk must have each field once.');
}
