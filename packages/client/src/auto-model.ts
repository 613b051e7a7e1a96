import { canAnswer, type ModelInfo } from '@shoal/protocol';
import type { InferenceRequest, Input } from '@shoal/protocol/request';

/** The name that stands for a model chosen by `chooseModel`. */
export const AUTO_MODEL = 'auto';

/** The demands of a request: a light model is enough, a middle one, or the strongest. */
type Demand = 'light' | 'middle' | 'strong';

/** A model chosen for a request, and why. */
export interface ModelChoice {
  readonly model: string;
  /** Such as `strong: code; 2 models can answer`. */
  readonly reason: string;
}

/** Characters of a token, roughly, in English text and in code. */
const CHARACTERS_PER_TOKEN = 4;
/** A longer prompt, in characters, needs at least a middle model. */
const MIDDLE_PROMPT_LENGTH = 1_200;
/** A longer prompt, in characters, needs a strong model. */
const STRONG_PROMPT_LENGTH = 8_000;
/** The part of the last message that is searched for signs, from its end. */
const SEARCHED_LENGTH = 4_000;

const CODE =
  /```|\b(?:def|function|class|interface|struct) \w+ *[({:]|=> *[{(]|;\n|#include|\bSELECT .* FROM\b|traceback|stack ?trace|\b(?:refactor|debug|compiler?|regex|unit tests?|source code|typescript|javascript|python|rust|golang)\b/i;
const REASONING =
  /\b(?:prove|proof|derive|step by step|explain why|analy[sz]e|compare|theorem|equation|calculate|solve|strategy|trade-?offs?)\b/i;
/** The number of parameters in a model's name: `7b`, `0.6B`, `8x7B`, `500m`. */
const PARAMETERS = /(?:(\d+)x)?(\d+(?:\.\d+)?)\s*([bm])(?![a-z])/i;

/**
 * Chooses a model for a request by its length, the abilities that it needs, and signs of code or reasoning in it. `order` lists
 * the user's models from the lightest to the strongest; only these are chosen if any of them can answer. Without it, models
 * are ordered by the number of parameters in their names. Returns undefined if no model can answer. The table is in
 * docs/api.md.
 */
export function chooseModel(
  request: InferenceRequest,
  models: readonly ModelInfo[],
  order: readonly string[] = [],
): ModelChoice | undefined {
  const texts = textsOf(request.input);
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  const able = models.filter((model) => canAnswer(model, request) && fits(model, length));
  const listed = order.flatMap((name) => able.find(({ id }) => id === name || id === `${name}:latest`) ?? []);
  const candidates = listed.length > 0 ? listed : able.toSorted(byStrength);
  const [demand, sign] = demandOf(request, length, texts.at(-1) ?? '');
  const chosen = candidates[placeOf(demand, candidates.length)];
  if (chosen === undefined) return undefined;
  const count = candidates.length === 1 ? '1 model' : `${candidates.length} models`;
  return { model: chosen.id, reason: `${demand}: ${sign}; ${count} can answer` };
}

/** `length` is that of the whole input; `last` is its last text. */
function demandOf(request: InferenceRequest, length: number, last: string): [Demand, string] {
  const searched = last.slice(-SEARCHED_LENGTH);
  if (length > STRONG_PROMPT_LENGTH) return ['strong', 'long prompt'];
  if (CODE.test(searched)) return ['strong', 'code'];
  if (REASONING.test(searched)) return ['strong', 'reasoning'];
  if (request.tools !== undefined && request.tools.length > 0) return ['middle', 'tools'];
  if (request.format !== undefined) return ['middle', 'JSON'];
  if (length > MIDDLE_PROMPT_LENGTH) return ['middle', 'prompt of some length'];
  return ['light', 'short prompt'];
}

function placeOf(demand: Demand, count: number): number {
  const last = count - 1;
  if (demand === 'light') return 0;
  return demand === 'strong' ? last : Math.round(last / 2);
}

/** An unknown context length fits. */
function fits({ contextLength }: ModelInfo, length: number): boolean {
  return contextLength === undefined || length / CHARACTERS_PER_TOKEN < contextLength;
}

/** The lighter model first; models without a size in their names come before others, by context length and name. */
function byStrength(one: ModelInfo, other: ModelInfo): number {
  return (
    parametersOf(one.id) - parametersOf(other.id) ||
    (one.contextLength ?? 0) - (other.contextLength ?? 0) ||
    (one.id < other.id ? -1 : 1)
  );
}

function parametersOf(name: string): number {
  const [, experts = '1', count = '0', unit = 'b'] = PARAMETERS.exec(name) ?? [];
  return Number(experts) * Number(count) * (unit.toLowerCase() === 'b' ? 1_000 : 1);
}

/** The messages of the user come last, because they show what is asked. */
function textsOf(input: Input): readonly string[] {
  switch (input.type) {
    case 'messages': {
      const isAsked = input.messages.map(({ role }) => role === 'user');
      const others = input.messages.filter((_, index) => isAsked[index] !== true);
      return [...others, ...input.messages.filter((_, index) => isAsked[index] === true)].map(({ content }) => content);
    }
    case 'text':
      return [input.text];
    case 'tokens':
      return [' '.repeat(input.tokens.length * CHARACTERS_PER_TOKEN)];
    case 'embeddings':
      return input.texts;
    default:
      return input satisfies never;
  }
}
