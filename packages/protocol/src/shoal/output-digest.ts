import { sha256 } from '@noble/hashes/sha2.js';
import b4a from 'b4a';

/** SHA-256 over an answer's text as it comes. */
export class OutputDigest {
  readonly #hash = sha256.create();

  add(text: string): void {
    this.#hash.update(b4a.from(text, 'utf8'));
  }

  /** Hex; nothing can be added afterwards. */
  end(): string {
    return b4a.toString(this.#hash.digest(), 'hex');
  }
}
