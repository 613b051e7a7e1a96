import type { TextEvent } from '../event.ts';
import { LOGPROBS_OF_CHUNK_MAX } from './logprobs.ts';

/** Text, with its tokens and log probabilities, that is not sent yet. */
export class TextBuffer {
  #text = '';
  #tokens: number[] = [];
  #logprobs: NonNullable<TextEvent['logprobs']>[number][] = [];

  get length(): number {
    return this.#text.length;
  }

  /** True if an event fits one chunk with the buffered text: all of its tokens have log probabilities, or none. */
  fits({ tokens, logprobs = [] }: TextEvent): boolean {
    const count = this.#logprobs.length + logprobs.length;
    const isUniform = count === 0 || count === this.#tokens.length + tokens.length;
    return isUniform && (this.#logprobs.length === 0 || count <= LOGPROBS_OF_CHUNK_MAX);
  }

  add({ text, tokens, logprobs = [] }: TextEvent): void {
    this.#text += text;
    this.#tokens.push(...tokens);
    this.#logprobs.push(...logprobs);
  }

  /** Empties the buffer and returns its content as one event. Undefined if it was empty. */
  flush(): TextEvent | undefined {
    const [text, tokens, logprobs] = [this.#text, this.#tokens, this.#logprobs];
    this.#text = '';
    this.#tokens = [];
    this.#logprobs = [];
    if (text === '' && tokens.length === 0) return undefined;
    return { type: 'text', text, tokens, ...(logprobs.length === 0 ? {} : { logprobs }) };
  }
}
