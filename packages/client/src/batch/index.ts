/**
 * Many questions, split over the workers of the clusters: what `shoal batch` does, less the files. The formats are those of
 * OpenAI's batch API.
 */
import type { BatchResult } from './attempt.ts';
import { type BatchOptions, BatchRun } from './run.ts';

export type { BatchResult } from './attempt.ts';
export { type BatchInput, type BatchLine, type BatchMistake, type BatchQuestion, parseBatchLine } from './line.ts';
export { batchRecord } from './record.ts';
export { type BatchClient, type BatchOptions, WORKER_PATIENCE_MS } from './run.ts';

/**
 * Runs a batch. Yields each line's result once, as it comes; a line that is not yielded has not ended for good. Ends when all
 * lines have, or when the signal comes. Throws `HOST_OFFLINE` where there is no worker for 30 s, and what `lines` throws.
 */
export async function* runBatch(options: BatchOptions): AsyncGenerator<BatchResult, undefined> {
  const run = new BatchRun(options);
  try {
    yield* run.results();
  } finally {
    await run.end();
  }
}
