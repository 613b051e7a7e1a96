import type { OfferedModel } from '../models.ts';

/** The response of `GET /v1/models` with the header `anthropic-version` (https://docs.anthropic.com/en/api/models-list). */
export function writeModelList(models: readonly OfferedModel[]): object {
  return {
    data: models.map(writeModel),
    has_more: false,
    first_id: models.at(0)?.id ?? null,
    last_id: models.at(-1)?.id ?? null,
  };
}

/** `created_at` is 1970 if it is unknown, as in Anthropic's API. */
export function writeModel({ id, contextLength, modifiedAt = 0 }: OfferedModel): object {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: new Date(modifiedAt).toISOString(),
    max_input_tokens: contextLength ?? null,
    max_tokens: contextLength ?? null,
    capabilities: null,
    deprecated_at: null,
    lifecycle: 'active',
    line: null,
    retires_at: null,
  };
}
