import type { SampledLogprob, TokenLogprob } from '@shoal/protocol';
import type { Vocabulary } from './vocabulary.ts';

/** Returns the log probability of a token and of the likeliest tokens: log softmax of the logits before sampling. */
export function logprobsOf(
  vocabulary: Vocabulary,
  logits: Float32Array,
  token: number,
  alternatives: number,
): SampledLogprob {
  const normaliser = logSumOfExponentials(logits);
  const describe = (id: number): TokenLogprob => ({
    token: id,
    text: new TextDecoder().decode(vocabulary.piece(id, true)),
    logprob: (logits[id] ?? -Infinity) - normaliser,
  });
  return { ...describe(token), top: highest(logits, alternatives).map(describe) };
}

/** Subtracts the highest logit first, so that nothing overflows. */
function logSumOfExponentials(logits: Float32Array): number {
  let most = -Infinity;
  for (const logit of logits) most = Math.max(most, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum);
}

/** Returns the indexes of the `count` highest values, the highest first; the lower index first if equal. */
function highest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  const at = (index: number | undefined) => (index === undefined ? -Infinity : (values[index] ?? -Infinity));
  for (let index = 0; index < values.length && count > 0; index++) {
    const value = at(index);
    if (best.length === count && value <= at(best.at(-1))) continue;
    const place = best.findIndex((other) => value > at(other));
    best.splice(place === -1 ? best.length : place, 0, index);
    if (best.length > count) best.pop();
  }
  return best;
}
