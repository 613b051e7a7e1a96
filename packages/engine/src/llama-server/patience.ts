import { modelUnavailable } from '../child-process/errors.ts';

/** What is wrong with the model is for its owner: a peer only hears that it cannot have it. */
export async function orUnavailable<T>(ready: Promise<T>): Promise<T> {
  try {
    return await ready;
  } catch (error) {
    throw modelUnavailable(error);
  }
}
