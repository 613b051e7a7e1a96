import { listModels } from '@shoal/host/models';
import { API_PATHS, type ClusterView } from '@shoal/node/api';
import { ShoalError } from '@shoal/protocol/error';
import type { Context } from '../context.ts';
import { localPlaces } from '../models/local.ts';
import { callNode } from '../node/api-client.ts';
import type { Names } from './candidates.ts';

/** Returns the names of this machine's models and of the running node's clusters. */
export function namesOf(context: Context): Names {
  return {
    models: () => orNone(async () => (await listModels(await localPlaces(context))).models.map(({ name }) => name)),
    clusters: () =>
      orNone(async () => {
        const { clusters } = await callNode<{ clusters: readonly ClusterView[] }>(
          context.home,
          'GET',
          API_PATHS.clusters,
        );
        return clusters.map(({ id }) => id);
      }),
  };
}

/** A completion shows no errors: it has no names then. */
async function orNone(find: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    // A name with a control character could not be typed.
    return (await find()).filter((name) => !/\p{Cc}/u.test(name));
  } catch (error) {
    if (error instanceof ShoalError) return [];
    throw error;
  }
}
