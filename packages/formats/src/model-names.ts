import { ShoalError } from '@shoal/protocol/error';
import type { BodyFields } from './body-fields.ts';

/** Names in the list `models` of a call. A call with more is refused. */
const MAX_MODELS = 16;
/** UTF-16 units of a model's name. Chunks repeat it. */
const MAX_MODEL_NAME_LENGTH = 512;
/** `model`, then the names of the list `models`, an extension of OpenRouter and others. */
export function readModels(body: BodyFields): readonly string[] {
  const model = body.string('model', 1, MAX_MODEL_NAME_LENGTH);
  const others = body.read('models') ?? [];
  if (!Array.isArray(others) || others.length > MAX_MODELS || !others.every(isModelName)) {
    throw ShoalError.invalidRequest(
      `"models" must be a list of at most ${MAX_MODELS} names of 1 to ${MAX_MODEL_NAME_LENGTH} characters.`,
    );
  }
  return [...new Set(model === undefined ? others : [model, ...others])];
}

function isModelName(name: unknown): name is string {
  return typeof name === 'string' && name.length > 0 && name.length <= MAX_MODEL_NAME_LENGTH;
}
