import { ShoalError } from './error.ts';
import type { InferenceRequest } from './request.ts';

/**
 * What a model can be asked for: a chat (`messages`), raw text (`prompt`) or token ids (`tokens`) to go on from, tools and
 * JSON in its answers, vectors of texts, and how likely its tokens were.
 */
export const ABILITIES = ['messages', 'prompt', 'tokens', 'tools', 'json', 'embeddings', 'logprobs'] as const;
export type Ability = (typeof ABILITIES)[number];

/** A model as a worker offers it. */
export interface ModelInfo {
  /** The name that people use. */
  readonly id: string;
  /** `sha256:` and 64 hex digits of the model file. Two workers serve the same model only if their digests agree. */
  readonly digest?: string | undefined;
  /** Tokens that prompt and answer may take together. */
  readonly contextLength?: number | undefined;
  /** As the field writes it: `F16`, `Q4_K_M`. */
  readonly quantization?: string | undefined;
  /** Absent: not told, and anything may be asked for. */
  readonly abilities?: readonly Ability[] | undefined;
}

/** Whether a model is meant by that name: its id or digest, or its id without the tag `latest`, as Ollama has it. */
export function isNamed({ id, digest }: ModelInfo, name: string): boolean {
  return id === name || digest === name || id === `${name}:latest`;
}

/** What a model must be able to do to answer a request. */
export function abilitiesNeeded({ input, tools, format, logprobs }: InferenceRequest): readonly Ability[] {
  const needed: Ability[] = [input.type === 'text' ? 'prompt' : input.type];
  if (tools !== undefined && tools.length > 0) needed.push('tools');
  if (format !== undefined) needed.push('json');
  if (logprobs !== undefined) needed.push('logprobs');
  return needed;
}

export function canAnswer({ abilities }: ModelInfo, request: InferenceRequest): boolean {
  return abilities === undefined || abilitiesNeeded(request).every((ability) => abilities.includes(ability));
}

/** Throws `INVALID_REQUEST` that names what the model lacks for a request. */
export function checkAbilities(model: ModelInfo, request: InferenceRequest): void {
  const { id, abilities } = model;
  if (abilities === undefined || canAnswer(model, request)) return;
  const lacking = abilitiesNeeded(request).filter((ability) => !abilities.includes(ability));
  throw ShoalError.invalidRequest(
    `The model "${id}" cannot do what the request needs: ${lacking.join(', ')}. It can: ${abilities.join(', ')}.`,
  );
}
