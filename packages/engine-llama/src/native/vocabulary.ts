import { cutLongRuns } from './long-runs.ts';
import type { Library } from './library.ts';
import type { Pointer } from './structures.ts';

const PIECE_BYTES = 256;
/** `LLAMA_VOCAB_TYPE_BPE` of llama.h: regular expressions cut its texts into words. */
const BYTE_PAIRS = 2;

/** A model's words: text to token ids and back. */
export class Vocabulary {
  readonly size: number;
  /** -1 where the model has none. */
  readonly bos: number;
  readonly eos: number;
  /** Whether a prompt gets them in front and behind. */
  readonly addsBos: boolean;
  readonly addsEos: boolean;
  readonly pointer: Pointer;
  readonly #library: Library;
  readonly #pieces = new Map<number, Uint8Array>();
  readonly #controlPieces = new Map<number, Uint8Array>();
  #room = new Uint8Array(PIECE_BYTES);

  constructor(library: Library, pointer: Pointer) {
    this.#library = library;
    this.pointer = pointer;
    this.size = library.tokenCount(pointer);
    this.bos = library.bos(pointer);
    this.eos = library.eos(pointer);
    this.addsBos = library.addsBos(pointer);
    this.addsEos = library.addsEos(pointer);
  }

  /** `special`: what belongs in front of a prompt and behind it is added; `control`: control tokens may be written out. */
  tokenize(text: string, { special, control }: { readonly special: boolean; readonly control: boolean }): number[] {
    const pieces = this.#library.vocabularyType(this.pointer) === BYTE_PAIRS ? cutLongRuns(text) : [text];
    const [only = ''] = pieces;
    if (pieces.length <= 1) return this.#tokenizePiece(only, special, control);
    const tokens = pieces.flatMap((piece) => this.#tokenizePiece(piece, false, control));
    if (special && this.addsBos) tokens.unshift(this.bos);
    if (special && this.addsEos) tokens.push(this.eos);
    return tokens;
  }

  #tokenizePiece(text: string, special: boolean, control: boolean): number[] {
    const bytes = new TextEncoder().encode(text);
    // No token is empty, and two may be added.
    let tokens = new Int32Array(bytes.length + 2);
    const tokenize = () =>
      this.#library.tokenize(this.pointer, bytes, bytes.length, tokens, tokens.length, special, control);
    let count = tokenize();
    if (count < 0) {
      tokens = new Int32Array(-count);
      count = tokenize();
    }
    return Array.from(tokens.subarray(0, count));
  }

  isEndOfGeneration(token: number): boolean {
    return this.#library.isEndOfGeneration(this.pointer, token);
  }

  /** The bytes that a token stands for, which may be a part of a character. A control token has some only `withControl`. */
  piece(token: number, withControl = false): Uint8Array {
    const known = withControl ? this.#controlPieces : this.#pieces;
    let piece = known.get(token);
    if (piece === undefined) {
      piece = this.#readPiece(token, withControl);
      known.set(token, piece);
    }
    return piece;
  }

  /** A control token written out; empty for one that the model does not have. */
  spell(token: number): string {
    return token < 0 ? '' : new TextDecoder().decode(this.piece(token, true));
  }

  #readPiece(token: number, withControl: boolean): Uint8Array {
    const read = () => this.#library.piece(this.pointer, token, this.#room, this.#room.length, 0, withControl);
    let length = read();
    if (length < 0) {
      this.#room = new Uint8Array(-length);
      length = read();
    }
    return this.#room.slice(0, Math.max(0, length));
  }
}
