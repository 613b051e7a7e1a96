import type { ChosenLogprob, JsonObject, TokenLogprob } from '@shoal/protocol';
import { countIn, numberIn, objectsIn } from './json.ts';

/**
 * Log probabilities as OpenAI's chat API writes them, which Ollama and llama-server do too: `token`, `logprob`, and
 * `top_logprobs` of the same. Only llama-server has the ids. At most `top` of the likeliest are kept, the likeliest first.
 */
export function readLogprobs(entries: readonly JsonObject[], top: number): readonly ChosenLogprob[] {
  return entries.flatMap((entry) => {
    const chosen = readLogprob(entry);
    if (chosen === undefined) return [];
    const others = objectsIn(entry, 'top_logprobs').flatMap((other) => readLogprob(other) ?? []);
    return [{ ...chosen, top: likeliest(others, top) }];
  });
}

export function likeliest(tokens: readonly TokenLogprob[], count: number): readonly TokenLogprob[] {
  return tokens.toSorted((one, other) => other.logprob - one.logprob).slice(0, count);
}

function readLogprob(entry: JsonObject): TokenLogprob | undefined {
  const { token: text } = entry;
  const logprob = numberIn(entry, 'logprob');
  if (typeof text !== 'string' || logprob === undefined) return undefined;
  const token = countIn(entry, 'id');
  return { ...(token !== undefined && { token }), text, logprob };
}
