import { ShoalError } from '@shoal/protocol';
import { engineClosed } from '../http/generation.ts';

/** Who takes a request back does not wait for a model to be loaded. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** What is wrong with the model is for its owner: a peer only hears that it cannot have it. */
export async function orUnavailable<T>(ready: Promise<T>): Promise<T> {
  try {
    return await ready;
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(error: unknown): ShoalError {
  const { code, retryAfterMs } = ShoalError.from(error);
  if (code === 'GENERATION_ABORTED') return engineClosed();
  return new ShoalError('GENERATION_FAILED', 'The model cannot be loaded at the moment.', {
    cause: error,
    retryAfterMs,
  });
}
