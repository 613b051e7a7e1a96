import type { OfferedModel } from '../models.ts';

const OWNER = 'shoal';

/** The body of `models` (https://platform.openai.com/docs/api-reference/models/list). */
export function writeModelList(models: readonly OfferedModel[]): object {
  return { object: 'list', data: models.map(writeModel) };
}

/**
 * The body of `models/{id}`. Clients read the context length under the names of OpenRouter and vLLM. It is the length that is
 * served, not the trained one.
 */
export function writeModel(model: OfferedModel): object {
  const { id, modifiedAt = 0, contextLength, digest, quantization, abilities, isOwn, peers } = model;
  return {
    id,
    object: 'model',
    created: Math.floor(modifiedAt / 1000),
    owned_by: OWNER,
    ...(contextLength !== undefined && { context_length: contextLength, max_model_len: contextLength }),
    shoal: { digest, quantization, abilities, own: isOwn, peers },
  };
}
