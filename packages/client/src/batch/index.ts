/**
 * Many questions, split over the workers of the clusters: what `shoal batch` does, less the files. The formats are those of
 * OpenAI's batch API.
 */
import type { BatchResult } from './batch-attempt.ts';
import { type BatchOptions, BatchRun } from './batch-run.ts';

export type { BatchAnswer, BatchResult } from './batch-attempt.ts';
export {
  type BatchInput,
  type BatchLine,
  type BatchMistake,
  type BatchQuestion,
  parseBatchLine,
} from './batch-line.ts';
export { batchRecord } from './batch-record.ts';
export { type BatchClient, type BatchOptions, WORKER_PATIENCE_MS } from './batch-run.ts';

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
