import type { SampledLogprob, TokenLogprob } from '@shoal/protocol';
import { isObject, type JsonObject } from '@shoal/protocol/json';
import { countIn, numberIn, objectIn, objectsIn } from '../json.ts';

/**
 * The log probabilities of a choice: in the format of chats, which llama-server uses for raw text too, or as the four lists
 * of OpenAI's older completions, which vLLM uses for raw text.
 */
export function readChoiceLogprobs(choice: JsonObject, top: number): readonly SampledLogprob[] {
  const logprobs = objectIn(choice, 'logprobs');
  if (logprobs === undefined) return [];
  const { tokens, token_logprobs: values, top_logprobs: tops } = logprobs;
  if (!Array.isArray(tokens) || !Array.isArray(values)) return readLogprobs(objectsIn(logprobs, 'content'), top);
  return tokens.flatMap((text: unknown, index) => {
    const logprob: unknown = values[index];
    if (typeof text !== 'string' || typeof logprob !== 'number') return [];
    const others: unknown = Array.isArray(tops) ? tops[index] : undefined;
    return [{ text, logprob, top: likeliest(isObject(others) ? readByText(others) : [], top) }];
  });
}

/**
 * Entries with `token`, `logprob` and `top_logprobs`; Ollama's API has the same format. Only llama-server sends ids. At most
 * `top` of the likeliest are kept, the likeliest first.
 */
export function readLogprobs(entries: readonly JsonObject[], top: number): readonly SampledLogprob[] {
  return entries.flatMap((entry) => {
    const chosen = readLogprob(entry);
    if (chosen === undefined) return [];
    const others = objectsIn(entry, 'top_logprobs').flatMap((other) => readLogprob(other) ?? []);
    return [{ ...chosen, top: likeliest(others, top) }];
  });
}

function writeLogprobs(logprobs: readonly SampledLogprob[]): readonly object[] {
  return logprobs.map((chosen) => ({ ...writeLogprob(chosen), top_logprobs: chosen.top.map(writeLogprob) }));
}

/** The field `logprobs` of a choice of a chat. */
export function writeChoiceLogprobs(logprobs: readonly SampledLogprob[]): object {
  return { content: writeLogprobs(logprobs), refusal: null };
}

function readLogprob(entry: JsonObject): TokenLogprob | undefined {
  const { token: text } = entry;
  const logprob = numberIn(entry, 'logprob');
  if (typeof text !== 'string' || logprob === undefined) return undefined;
  const token = countIn(entry, 'id');
  return { ...(token !== undefined && { token }), text, logprob };
}

/** `bytes` is null because the bytes of a token that is not a whole character are not known here. */
function writeLogprob({ text, logprob }: TokenLogprob): object {
  return { token: text, logprob, bytes: null };
}

function readByText(others: JsonObject): readonly TokenLogprob[] {
  return Object.entries(others).flatMap(([text, logprob]) => (typeof logprob === 'number' ? [{ text, logprob }] : []));
}

function likeliest(tokens: readonly TokenLogprob[], count: number): readonly TokenLogprob[] {
  return tokens.toSorted((one, other) => other.logprob - one.logprob).slice(0, count);
}
