import type { TextEvent } from '../event.ts';
import { LOGPROBS_OF_CHUNK_MAX } from './logprobs.ts';

/** Text that waits for its chunk. */
export class HeldText {
  #text = '';
  #tokens: number[] = [];
  #logprobs: NonNullable<TextEvent['logprobs']>[number][] = [];

  get length(): number {
    return this.#text.length;
  }

  /** Whether it may go out in one chunk with what is held: either each token has its probability, or none has. */
  fits({ tokens, logprobs = [] }: TextEvent): boolean {
    const count = this.#logprobs.length + logprobs.length;
    const isWhole = count === 0 || count === this.#tokens.length + tokens.length;
    return isWhole && (this.#logprobs.length === 0 || count <= LOGPROBS_OF_CHUNK_MAX);
  }

  add({ text, tokens, logprobs = [] }: TextEvent): void {
    this.#text += text;
    this.#tokens.push(...tokens);
    this.#logprobs.push(...logprobs);
  }

  /** What was held, as one event; undefined where nothing was. */
  take(): TextEvent | undefined {
    const [text, tokens, logprobs] = [this.#text, this.#tokens, this.#logprobs];
    this.#text = '';
    this.#tokens = [];
    this.#logprobs = [];
    if (text === '' && tokens.length === 0) return undefined;
    return { type: 'text', text, tokens, ...(logprobs.length === 0 ? {} : { logprobs }) };
  }
}
