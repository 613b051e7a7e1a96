import { type ChosenLogprob, isObject, type JsonObject, type TokenLogprob } from '@shoal/protocol';
import { objectIn, objectsIn } from '../http/json.ts';
import { likeliest, readLogprobs } from '../http/logprobs.ts';

/**
 * The log probabilities of a choice: those of chats, which llama-server gives for raw text too, or the four lists of OpenAI's
 * older completions, which vLLM has kept for those.
 */
export function logprobsIn(choice: JsonObject, top: number): readonly ChosenLogprob[] {
  const told = objectIn(choice, 'logprobs');
  if (told === undefined) return [];
  const { tokens, token_logprobs: values, top_logprobs: tops } = told;
  if (!Array.isArray(tokens) || !Array.isArray(values)) return readLogprobs(objectsIn(told, 'content'), top);
  return tokens.flatMap((text: unknown, index) => {
    const logprob: unknown = values[index];
    if (typeof text !== 'string' || typeof logprob !== 'number') return [];
    const others: unknown = Array.isArray(tops) ? tops[index] : undefined;
    return [{ text, logprob, top: likeliest(isObject(others) ? named(others) : [], top) }];
  });
}

function named(others: JsonObject): readonly TokenLogprob[] {
  return Object.entries(others).flatMap(([text, logprob]) => (typeof logprob === 'number' ? [{ text, logprob }] : []));
}
