import type { BatchResult } from '@shoal/client/batch';
import { type ErrorCode, ShoalError } from '@shoal/protocol/error';

/** Errors that mean that there was no worker. */
const ABSENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['HOST_OFFLINE', 'CONNECT_FAILED']);

/** Adds to an error without a worker how to continue. Returns any other error unchanged. */
export function withAdvice(error: unknown): unknown {
  if (!(error instanceof ShoalError) || !ABSENT.has(error.code)) return error;
  return new ShoalError(error.code, `${error.message}\nRun the same command to go on.`, { cause: error.cause });
}

/** Adds to the error of a missing model that --model replaces the models of the lines. Returns any other result unchanged. */
export function withOverriddenModel(result: BatchResult): BatchResult {
  if (!('error' in result) || result.error.code !== 'MODEL_NOT_FOUND') return result;
  const message = `${result.error.message} --model asks for another than the lines name.`;
  return { ...result, error: new ShoalError('MODEL_NOT_FOUND', message, { cause: result.error }) };
}
