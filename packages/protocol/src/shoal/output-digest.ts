import { sha256 } from '@noble/hashes/sha2.js';
import b4a from 'b4a';
import type { InferenceEvent } from '../event.ts';

/** Separates a call's name from text and arguments. */
const SEPARATOR = '\0';

/** SHA-256 of an answer's text and tool calls, without its reasoning. It does not depend on how they are split into events. */
export class OutputDigest {
  readonly #hash = sha256.create();

  /** `text` is the part of a resumed answer that another worker has generated. */
  constructor(text = '') {
    this.#add(text);
  }

  add(event: InferenceEvent): void {
    if (event.type === 'text') return this.#add(event.text);
    if (event.type !== 'tool_call') return;
    if (event.name !== undefined) this.#add(`${SEPARATOR}${event.name}${SEPARATOR}`);
    this.#add(event.arguments);
  }

  /** Returns the digest in hex. Nothing can be added afterwards. */
  end(): string {
    return b4a.toString(this.#hash.digest(), 'hex');
  }

  #add(text: string): void {
    this.#hash.update(b4a.from(text, 'utf8'));
  }
}
