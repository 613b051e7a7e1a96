import type { SampledLogprob, TokenLogprob } from '@shoal/protocol';
import type { JsonObject } from '@shoal/protocol/json';
import { countIn, numberIn, objectsIn } from '@shoal/formats/json';

/**
 * Reads `completion_probabilities` of llama-server: for each token its `id`, the `bytes` of its text, its `logprob` and the
 * likeliest tokens, of which at most `top` are kept.
 */
export function readLogprobs(entries: readonly JsonObject[], top: number): readonly SampledLogprob[] {
  return entries.map((entry) => ({
    ...readLogprob(entry),
    top: objectsIn(entry, 'top_logprobs').map(readLogprob).slice(0, top),
  }));
}

function readLogprob(entry: JsonObject): TokenLogprob {
  const { bytes } = entry;
  const text = Array.isArray(bytes) ? new TextDecoder().decode(Uint8Array.from(bytes)) : '';
  return { token: countIn(entry, 'id') ?? 0, text, logprob: numberIn(entry, 'logprob') ?? 0 };
}
