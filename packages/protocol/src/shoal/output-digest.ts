import { sha256 } from '@noble/hashes/sha2.js';
import b4a from 'b4a';
import type { InferenceEvent } from '../event.ts';

/** Stands on either side of a call's name, so that none can be taken for text or for arguments. */
const AROUND_NAME = '\0';

/** SHA-256 over what an answer says as it comes, text and tool calls, however it is cut. */
export class OutputDigest {
  readonly #hash = sha256.create();

  /** `text` is what another worker said already, where the answer is resumed. */
  constructor(text = '') {
    this.#add(text);
  }

  add(event: InferenceEvent): void {
    if (event.type === 'text') return this.#add(event.text);
    if (event.type !== 'tool_call') return;
    if (event.name !== undefined) this.#add(`${AROUND_NAME}${event.name}${AROUND_NAME}`);
    this.#add(event.arguments);
  }

  /** Hex; nothing can be added afterwards. */
  end(): string {
    return b4a.toString(this.#hash.digest(), 'hex');
  }

  #add(text: string): void {
    this.#hash.update(b4a.from(text, 'utf8'));
  }
}
