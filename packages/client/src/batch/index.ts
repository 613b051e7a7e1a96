/**
 * Batches: many requests, spread over all workers of the clusters. `shoal batch` adds the files. The formats are those of
 * OpenAI's batch API.
 */
import type { BatchResult } from './attempt.ts';
import { type BatchOptions, BatchRun } from './run.ts';

export type { BatchResult } from './attempt.ts';
export { type BatchInput, type BatchLine, type InvalidBatchLine, type BatchRequest, parseBatchLine } from './line.ts';
export { batchRecord } from './record.ts';
export { type BatchClient, type BatchOptions, WORKER_TIMEOUT_MS } from './run.ts';

/**
 * Runs a batch. Yields the final result of each line once, in order of completion. Ends when all lines have ended, or when the
 * signal is aborted. Throws `HOST_OFFLINE` if there is no worker for 30 s, and the errors of `lines`.
 */
export async function* runBatch(options: BatchOptions): AsyncGenerator<BatchResult, undefined> {
  const run = new BatchRun(options);
  try {
    yield* run.results();
  } finally {
    await run.end();
  }
}
