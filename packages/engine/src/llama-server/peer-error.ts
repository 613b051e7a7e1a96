import { modelUnavailable } from '../child-process/errors.ts';

/** Waits for a server, and hides the reason of a failure: it is meant for the model's owner. */
export async function withPeerError<T>(ready: Promise<T>): Promise<T> {
  try {
    return await ready;
  } catch (error) {
    throw modelUnavailable(error);
  }
}
