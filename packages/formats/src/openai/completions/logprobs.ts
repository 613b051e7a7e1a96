import type { SampledLogprob } from '@shoal/protocol';

/** The log probabilities of a choice as four lists, each with an item per token. */
export interface TextLogprobs {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly number[];
  /** The likeliest tokens and the sampled one. */
  readonly top_logprobs: readonly Readonly<Record<string, number>>[];
  /** Characters of the text before each token. */
  readonly text_offset: readonly number[];
}

/** `offset` is the number of characters before the first token. */
export function writeTextLogprobs(logprobs: readonly SampledLogprob[], offset: number): TextLogprobs {
  let end = offset;
  return {
    tokens: logprobs.map(({ text }) => text),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.map(writeTop),
    text_offset: logprobs.map(({ text }) => {
      const start = end;
      end += characterCount(text);
      return start;
    }),
  };
}

/** Characters as OpenAI's clients in Python count them. */
export function characterCount(text: string): number {
  return Array.from(text).length;
}

/** Of tokens with the same text the likeliest stays, which is the first. */
function writeTop(sampled: SampledLogprob): Readonly<Record<string, number>> {
  const likeliestLast = [sampled, ...sampled.top.toReversed()];
  return Object.fromEntries(likeliestLast.map(({ text, logprob }) => [text, logprob]));
}
