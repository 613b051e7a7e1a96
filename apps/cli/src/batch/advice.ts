import type { BatchResult } from '@shoal/client/batch';
import { type ErrorCode, ShoalError } from '@shoal/protocol';

/** There was no worker: nothing of the batch is lost. */
const ABSENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['HOST_OFFLINE', 'CONNECT_FAILED']);

/** The same error, with how to go on where there was nobody to ask. */
export function withWayOn(error: unknown): unknown {
  if (!(error instanceof ShoalError) || !ABSENT.has(error.code)) return error;
  return new ShoalError(error.code, `${error.message}\nRun the same command to go on.`, { cause: error.cause });
}

/** The same result where lines name a model and --model another, with that beside the error that no worker has it. */
export function withOverruledModel(result: BatchResult): BatchResult {
  if (!('error' in result) || result.error.code !== 'MODEL_NOT_FOUND') return result;
  const message = `${result.error.message} --model asks for another than the lines name.`;
  return { ...result, error: new ShoalError('MODEL_NOT_FOUND', message, { cause: result.error }) };
}
