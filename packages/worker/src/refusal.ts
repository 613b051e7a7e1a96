import { checkAbilities, type InferenceRequest, isNamed, type ModelInfo, ShoalError } from '@shoal/protocol';

/** Why none of the models can answer, whatever the engine does; undefined where one may. */
export function refusalOf(request: InferenceRequest, models: readonly ModelInfo[]): ShoalError | undefined {
  const { model: name } = request;
  const model = name === undefined ? models[0] : models.find((one) => isNamed(one, name));
  if (model === undefined) {
    if (name === undefined) return undefined;
    const known = models.map(({ id }) => id);
    return ShoalError.modelNotFound(name, known);
  }
  const { contextLength = Infinity } = model;
  const tokens = tokensOf(request);
  if (tokens > contextLength) return ShoalError.contextExceeded(tokens, contextLength);
  try {
    checkAbilities(model, request);
    return undefined;
  } catch (thrown) {
    return ShoalError.from(thrown);
  }
}

/** How many tokens the model has to read at least: what text becomes only its engine can tell. */
function tokensOf({ input, resume }: InferenceRequest): number {
  return input.type === 'tokens' ? input.tokens.length + (resume?.tokens.length ?? 0) : 0;
}
