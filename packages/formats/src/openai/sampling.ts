import {
  MAX_LOGIT_BIAS,
  MAX_LOGIT_BIASES,
  MAX_TOKENS,
  pickSampling,
  type Sampling,
  SAMPLING,
  type SamplingNumber,
} from '@shoal/protocol';
import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from '../body-fields.ts';

/** Second names of fields: OpenAI's newer name, and that of vLLM and EXO. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  [SAMPLING.maxTokens.wireName, 'max_completion_tokens'],
  [SAMPLING.repeatPenalty.wireName, 'repetition_penalty'],
]);

const DIGITS = /^\d+$/;

/** Reads OpenAI's fields, and the extensions `top_k`, `min_p` and `repeat_penalty` of llama-server, LM Studio and others. */
export function readSampling(body: BodyFields): Sampling {
  const values = Object.entries(SAMPLING).map(([name, field]) => [
    name,
    field.kind === 'biases' ? readLogitBias(body, field.wireName) : readNumber(body, field),
  ]);
  return pickSampling(Object.fromEntries(values));
}

/** Both names of the repeat penalty are written: each server ignores the other's. */
export function writeSampling(sampling: Sampling): object {
  const values: Readonly<Record<string, unknown>> = { ...sampling };
  const { repeatPenalty, logitBias = [] } = sampling;
  return {
    ...Object.fromEntries(Object.entries(SAMPLING).map(([name, { wireName }]) => [wireName, values[name]])),
    repetition_penalty: repeatPenalty,
    logit_bias: logitBias.length === 0 ? undefined : Object.fromEntries(logitBias),
  };
}

/** Throws if a field is given under both of its names and the values differ. */
function readNumber(body: BodyFields, field: SamplingNumber): number | undefined {
  const { kind, least, most, wireName } = field;
  const alias = ALIASES.get(wireName);
  const [one, other] = [wireName, ...(alias === undefined ? [] : [alias])].map((name) =>
    kind === 'whole' ? body.integer(name, least, most) : body.number(name, least, most),
  );
  if (alias !== undefined && one !== undefined && other !== undefined && one !== other) {
    throw ShoalError.invalidRequest(`"${body.name(wireName)}" and "${body.name(alias)}" differ; give one of them.`);
  }
  return other ?? one;
}

/** An object from token ids to what is added to their logits. */
function readLogitBias(body: BodyFields, name: string): Sampling['logitBias'] {
  const entries = Object.entries(body.json(name) ?? {});
  if (entries.length === 0) return undefined;
  const biases = entries.map(([token, bias]) => [DIGITS.test(token) ? Number(token) : Number.NaN, bias] as const);
  if (biases.length <= MAX_LOGIT_BIASES && biases.every(isBias)) return biases;
  throw ShoalError.invalidRequest(
    `"${body.name(name)}" must have at most ${MAX_LOGIT_BIASES} token ids, each with a number from ` +
      `${-MAX_LOGIT_BIAS} to ${MAX_LOGIT_BIAS}.`,
  );
}

function isBias(entry: readonly [number, unknown]): entry is readonly [number, number] {
  const [token, bias] = entry;
  if (!Number.isInteger(token) || token < 0 || token > MAX_TOKENS) return false;
  return typeof bias === 'number' && Math.abs(bias) <= MAX_LOGIT_BIAS;
}
