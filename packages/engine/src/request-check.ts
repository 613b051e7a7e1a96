import { type InferenceRequest, isNamed, type ModelInfo, ShoalError } from '@shoal/protocol';

/** Throws what is wrong with a request that no engine can answer: an unknown model, or nothing to read. */
export function checkRequest(request: InferenceRequest, models: readonly ModelInfo[]): void {
  const { model, input } = request;
  if (model !== undefined && !models.some((one) => isNamed(one, model))) {
    throw ShoalError.modelNotFound(
      model,
      models.map(({ id }) => id),
    );
  }
  if (inputLength(input) === 0) throw ShoalError.invalidRequest(`The request has no ${input.type} to answer.`);
}

function inputLength(input: InferenceRequest['input']): number {
  switch (input.type) {
    case 'messages':
      return input.messages.length;
    case 'text':
      return input.text.length;
    case 'tokens':
      return input.tokens.length;
  }
}
