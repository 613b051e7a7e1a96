import type { JsonObject } from '@shoal/protocol/json';
import type { EmbeddingsResponse } from '../embeddings.ts';
import { countIn, objectIn, objectsIn } from '../json.ts';

/** The body of `embeddings`. */
export function writeEmbeddingsRequest(texts: readonly string[], model: string): object {
  return { model, input: texts, encoding_format: 'float' };
}

/** Servers may send the vectors in another order than the texts. */
export function readEmbeddingsResponse(body: JsonObject | undefined): EmbeddingsResponse {
  const data = objectsIn(body, 'data').toSorted(
    (one, other) => (countIn(one, 'index') ?? 0) - (countIn(other, 'index') ?? 0),
  );
  return {
    vectors: data.map((one) => one['embedding']),
    promptTokens: countIn(objectIn(body, 'usage'), 'prompt_tokens'),
  };
}
