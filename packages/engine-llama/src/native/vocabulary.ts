import { cutLongRuns } from './long-runs.ts';
import type { Library } from './library.ts';
import type { Pointer } from './structures.ts';

const PIECE_BYTES = 256;
/** `LLAMA_VOCAB_TYPE_BPE` of llama.h, whose texts are split into words by regular expressions. */
const BYTE_PAIRS = 2;

/** A model's vocabulary: text to token ids and back. */
export class Vocabulary {
  readonly size: number;
  /** -1 if the model has none. */
  readonly bos: number;
  readonly eos: number;
  /** True if a prompt begins with `bos`, or ends with `eos`. */
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

  /** Returns the tokens of a text. `special`: adds BOS and EOS as the model needs them; `control`: parses control tokens. */
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

  /** Returns the bytes of a token, which may be a part of a character. A control token has bytes only `withControl`. */
  piece(token: number, withControl = false): Uint8Array {
    const known = withControl ? this.#controlPieces : this.#pieces;
    let piece = known.get(token);
    if (piece === undefined) {
      piece = this.#readPiece(token, withControl);
      known.set(token, piece);
    }
    return piece;
  }

  /** Returns the text of a control token; empty if the model does not have it. */
  controlText(token: number): string {
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
