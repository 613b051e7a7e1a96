import type { JsonObject } from '@shoal/protocol/json';
import { encodeVector } from '@shoal/protocol/vector';
import type { CompletedAnswer } from '../../answer.ts';
import type { EmbeddingsResponse } from '../../embeddings.ts';
import { countIn, objectIn, objectsIn } from '../../json.ts';
import { totalUsage } from '../usage.ts';

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

/** Writes a list of vectors (https://platform.openai.com/docs/api-reference/embeddings/create). */
export function writeEmbeddings(
  answers: readonly CompletedAnswer[],
  model: string,
  encoding: 'float' | 'base64',
): object {
  const vectors = answers.flatMap((answer) => answer.vectors ?? []);
  // The format requires a usage. Engines for embeddings count the tokens.
  const promptTokens = totalUsage(answers.map(({ usage }) => usage))?.promptTokens ?? 0;
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: encoding === 'base64' ? encodeVector(vector) : vector,
    })),
    model,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
}
