import { z } from 'zod';
import { API_PATHS } from '../api.ts';
import { promptLine } from '../api/prompt-line.ts';
import { promptRequest } from '../api/prompt-request.ts';
import { clusterList, clusterView, peerList, residentModelList, statusView } from '../api/schemas.ts';
import type { NeededScope } from './routes/context.ts';

/** A call of the control API. Its route and its part of the OpenAPI document are made from it. */
export interface ControlCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly scope: NeededScope;
  /** Shown to users. */
  readonly about: string;
  readonly query?: z.ZodObject | undefined;
  readonly body?: z.ZodType | undefined;
  /** The answer with status 200, or each of its lines. */
  readonly answer: z.ZodType;
  /** True: the answer is NDJSON. Default: it is one JSON value. */
  readonly isStream?: boolean | undefined;
}

const GIVE_ID = '"id" must be given, once, as text.';
const lend = z
  .boolean('"lend" must be true or false.')
  .optional()
  .describe('True: answer the prompts of its members. Default: no change, and no for a new cluster.');
const clusterId = z.string(GIVE_ID).describe('The id of a cluster.');

export const CONTROL_CALLS = {
  getStatus: {
    method: 'GET',
    path: API_PATHS.status,
    scope: 'admin',
    about: 'Returns the state of this node.',
    answer: statusView,
  },
  listClusters: {
    method: 'GET',
    path: API_PATHS.clusters,
    scope: 'admin',
    about: 'Lists the clusters that this node is in.',
    answer: clusterList,
  },
  joinCluster: {
    method: 'POST',
    path: API_PATHS.clusters,
    scope: 'admin',
    about: 'Joins a cluster, now and at the next starts. For one that the node is in it only changes the role.',
    body: z
      .strictObject(
        { id: clusterId, lend },
        'The body must be an object with "id" and perhaps "lend", and nothing else.',
      )
      .meta({ id: 'JoinRequest' }),
    answer: clusterView,
  },
  leaveCluster: {
    method: 'DELETE',
    path: API_PATHS.clusters,
    scope: 'admin',
    about: 'Leaves a cluster, now and at the next starts. Returns the others.',
    query: z.object({ id: clusterId }),
    answer: clusterList,
  },
  listPeers: {
    method: 'GET',
    path: API_PATHS.peers,
    scope: 'admin',
    about: 'Lists the connected peers.',
    query: z.object({
      cluster: z.string('"cluster" must be given at most once.').optional().describe('Default: all clusters.'),
    }),
    answer: peerList,
  },
  listLoadedModels: {
    method: 'GET',
    path: API_PATHS.loaded,
    scope: 'admin',
    about: 'Lists the models in memory. Refused with status 400 if the engine does not report them.',
    answer: residentModelList,
  },
  prompt: {
    method: 'POST',
    path: API_PATHS.prompt,
    scope: 'admin',
    about: 'Answers a prompt line by line. If the reader disconnects, the generation ends.',
    body: promptRequest,
    answer: promptLine,
    isStream: true,
  },
  stop: {
    method: 'POST',
    path: API_PATHS.stop,
    scope: 'admin',
    about: 'Stops the daemon. Running answers may end first.',
    answer: z.strictObject({}),
  },
  getOpenApi: {
    method: 'GET',
    path: API_PATHS.openapi,
    scope: 'none',
    about: 'Returns this document.',
    answer: z.record(z.string(), z.unknown()),
  },
} as const satisfies Readonly<Record<string, ControlCall>>;
