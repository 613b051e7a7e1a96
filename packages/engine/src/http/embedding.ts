import { type EmbeddingsResponse, unitVector } from '@shoal/formats/embeddings';
import type { InferenceEvent } from '@shoal/protocol';
import type { ShoalError } from '@shoal/protocol/error';

/** Keeps a response with the longest vectors well below the limit of a response. */
const EMBEDDING_BATCH_TEXTS = 16;

/** Yields a vector per text and the finish. Requests a few texts at a time. Throws `unreadable` for invalid vectors. */
export async function* embed(
  texts: readonly string[],
  model: string,
  request: (texts: readonly string[]) => Promise<EmbeddingsResponse>,
  unreadable: (cause: unknown) => ShoalError,
): AsyncGenerator<InferenceEvent, undefined> {
  let promptTokens: number | undefined = 0;
  for (let from = 0; from < texts.length; from += EMBEDDING_BATCH_TEXTS) {
    const batch = texts.slice(from, from + EMBEDDING_BATCH_TEXTS);
    const embedded = await request(batch);
    if (embedded.vectors.length !== batch.length) {
      throw unreadable(`${batch.length} texts became ${embedded.vectors.length} vectors.`);
    }
    for (const [index, value] of embedded.vectors.entries()) {
      const vector = unitVector(value);
      if (vector === undefined) throw unreadable('A vector is not a list of numbers, or has no length.');
      yield { type: 'embedding', index: from + index, vector };
    }
    promptTokens =
      promptTokens === undefined || embedded.promptTokens === undefined
        ? undefined
        : promptTokens + embedded.promptTokens;
  }
  yield {
    type: 'finish',
    reason: 'stop',
    rawReason: 'embedded',
    ...(promptTokens !== undefined && { usage: { promptTokens, completionTokens: 0 } }),
    model,
  };
}
