import { ShoalError } from '@shoal/protocol/error';

export function engineClosed(): ShoalError {
  return ShoalError.aborted('The engine was closed.');
}

/** The error for a peer when a model cannot be loaded: the reason concerns the model's owner only and becomes the cause. */
export function modelUnavailable(error: unknown): ShoalError {
  const { code, retryAfterMs } = ShoalError.from(error);
  if (code === 'GENERATION_ABORTED') return engineClosed();
  return new ShoalError('GENERATION_FAILED', 'The model cannot be loaded at the moment.', {
    cause: error,
    retryAfterMs,
  });
}
