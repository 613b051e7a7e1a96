import type { SampledLogprob, TokenLogprob } from '@shoal/protocol';

/** Stands for bytes that are not a whole character. */
const REPLACEMENT = '\uFFFD';

/** Writes log probabilities. Unlike in chats, `bytes` is never null. */
export function writeOutputLogprobs(logprobs: readonly SampledLogprob[]): readonly object[] {
  return logprobs.map((chosen) => ({ ...writeLogprob(chosen), top_logprobs: chosen.top.map(writeLogprob) }));
}

function writeLogprob({ text, logprob }: TokenLogprob): object {
  return { token: text, logprob, bytes: utf8(text) };
}

/** Empty if the bytes are not known because the token is not whole characters. */
function utf8(text: string): readonly number[] {
  if (!text.isWellFormed() || text.includes(REPLACEMENT)) return [];
  // `TextEncoder` is not in every runtime.
  return Array.from(encodeURIComponent(text).matchAll(/%(..)|./g), ([char, hex]) =>
    hex === undefined ? char.charCodeAt(0) : Number.parseInt(hex, 16),
  );
}
