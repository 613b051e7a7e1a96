import { checkAbilities, type InferenceRequest, isNamed, type ModelInfo, ShoalError } from '@shoal/protocol';

/**
 * The model that a request is for, the first where it names none. Throws what is wrong with a request that no engine can
 * answer: an unknown model, one that lacks what is asked for, or nothing to read.
 */
export function checkRequest(request: InferenceRequest, models: readonly ModelInfo[]): ModelInfo {
  const { model: name, input } = request;
  const model = name === undefined ? models[0] : models.find((one) => isNamed(one, name));
  if (model === undefined) {
    throw ShoalError.modelNotFound(
      name ?? '',
      models.map(({ id }) => id),
    );
  }
  checkAbilities(model, request);
  if (inputLength(input) === 0) throw ShoalError.invalidRequest(`The request has no ${input.type} to answer.`);
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
