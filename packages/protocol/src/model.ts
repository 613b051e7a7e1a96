import { ShoalError } from './error.ts';
import type { InferenceRequest } from './request.ts';

/**
 * The abilities that a model can have: to answer a conversation (`messages`), to continue raw text (`prompt`) or token ids
 * (`tokens`), to call `tools`, to answer in `json`, to compute `embeddings`, to report `logprobs`,
 * to send `reasoning` apart from the text and to `count` the tokens of a prompt.
 */
export const ABILITIES = [
  'messages',
  'prompt',
  'tokens',
  'tools',
  'json',
  'embeddings',
  'logprobs',
  'reasoning',
  'count',
] as const;
export type Ability = (typeof ABILITIES)[number];

/** A model as a worker offers it. */
export interface ModelInfo {
  /** The model's name for users. */
  readonly id: string;
  /** `sha256:` and 64 hex digits of the model file. Two workers serve the same model only if their digests agree. */
  readonly digest?: string | undefined;
  /** Tokens that prompt and answer may have together. */
  readonly contextLength?: number | undefined;
  /** Such as `F16` or `Q4_K_M`. */
  readonly quantization?: string | undefined;
  /** Undefined if unknown: then every request is accepted. */
  readonly abilities?: readonly Ability[] | undefined;
}

/** The id of the demo model, and the name that people use for it. */
const DEMO = { id: 'shoal-demo', name: 'demo' } as const;

/** True if a name is the model's id or digest, its id without Ollama's tag `latest`, or `demo` for the demo model. */
export function isNamed({ id, digest }: ModelInfo, name: string): boolean {
  return id === name || digest === name || id === `${name}:latest` || (id === DEMO.id && name === DEMO.name);
}

/** Returns the abilities that a request requires. Reasoning is never one: a model without it answers without it. */
export function abilitiesNeeded({ input, tools, format, logprobs, countOnly }: InferenceRequest): readonly Ability[] {
  const needed: Ability[] = [input.type === 'text' ? 'prompt' : input.type];
  if (tools !== undefined && tools.length > 0) needed.push('tools');
  if (format !== undefined) needed.push('json');
  if (logprobs !== undefined) needed.push('logprobs');
  if (countOnly === true) needed.push('count');
  return needed;
}

export function canAnswer({ abilities }: ModelInfo, request: InferenceRequest): boolean {
  return abilities === undefined || abilitiesNeeded(request).every((ability) => abilities.includes(ability));
}

/** Throws `INVALID_REQUEST` with the abilities that a request requires and the model lacks. */
export function checkAbilities(model: ModelInfo, request: InferenceRequest): void {
  const { id, abilities } = model;
  if (abilities === undefined || canAnswer(model, request)) return;
  const lacking = abilitiesNeeded(request).filter((ability) => !abilities.includes(ability));
  throw ShoalError.invalidRequest(
    `The model "${id}" cannot do what the request needs: ${lacking.join(', ')}. It can: ${abilities.join(', ')}.`,
  );
}
