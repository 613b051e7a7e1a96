import { checkAbilities, isNamed, type ModelInfo } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import { ShoalError } from '@shoal/protocol/error';

/**
 * Returns the model that a request names. Default: the first. Throws if the request cannot be answered: the model is unknown
 * or lacks an ability that is needed, or the input is empty and not only counted.
 */
export function modelForRequest(request: InferenceRequest, models: readonly ModelInfo[]): ModelInfo {
  const { model: name, input, countOnly = false } = request;
  const model = name === undefined ? models[0] : models.find((one) => isNamed(one, name));
  if (model === undefined) {
    throw ShoalError.modelNotFound(
      name ?? '',
      models.map(({ id }) => id),
    );
  }
  checkAbilities(model, request);
  if (inputLength(input) === 0 && !countOnly)
    throw ShoalError.invalidRequest(`The request has no ${input.type} to answer.`);
  return model;
}

function inputLength(input: InferenceRequest['input']): number {
  switch (input.type) {
    case 'messages':
      return input.messages.length;
    case 'text':
      return input.text.length;
    case 'tokens':
      return input.tokens.length;
    case 'embeddings':
      return input.texts.length;
  }
}
