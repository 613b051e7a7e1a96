import type { JsonObject } from '@shoal/protocol/json';
import type { EmbeddingsResponse } from '../embeddings.ts';
import { countIn } from '../json.ts';
import type { RequestOptions } from './request.ts';

/** The body of `api/embed`. */
export function writeEmbeddingsRequest(texts: readonly string[], options: Omit<RequestOptions, 'modelStops'>): object {
  return {
    model: options.model,
    input: texts,
    truncate: false,
    keep_alive: options.keepAlive,
    options: { num_ctx: options.contextLength },
  };
}

export function readEmbeddingsResponse(body: JsonObject | undefined): EmbeddingsResponse {
  const vectors = body?.['embeddings'];
  return { vectors: Array.isArray(vectors) ? vectors : [], promptTokens: countIn(body, 'prompt_eval_count') };
}
