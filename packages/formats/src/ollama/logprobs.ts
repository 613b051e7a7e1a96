import type { SampledLogprob, TokenLogprob } from '@shoal/protocol';

/** Stands in a token's text for bytes that are not a whole character. */
const REPLACEMENT = '\uFFFD';

/** Log probabilities as Ollama writes them: without lists that are empty. */
export function writeLogprobs(logprobs: readonly SampledLogprob[]): readonly object[] {
  return logprobs.map(({ top, ...chosen }) => ({
    ...writeLogprob(chosen),
    ...(top.length > 0 && { top_logprobs: top.map(writeLogprob) }),
  }));
}

/** Without `bytes` if the bytes of the token are not known here. */
function writeLogprob({ text, logprob }: TokenLogprob): object {
  return { token: text, logprob, ...(!text.includes(REPLACEMENT) && text !== '' && { bytes: utf8Bytes(text) }) };
}

function utf8Bytes(text: string): readonly number[] {
  return Array.from(text, (char) => char.codePointAt(0) ?? 0).flatMap((code) => {
    if (code < 0x80) return [code];
    if (code < 0x800) return [0xc0 | (code >> 6), tail(code)];
    if (code < 0x1_0000) return [0xe0 | (code >> 12), tail(code >> 6), tail(code)];
    return [0xf0 | (code >> 18), tail(code >> 12), tail(code >> 6), tail(code)];
  });
}

function tail(bits: number): number {
  return 0x80 | (bits & 0x3f);
}
