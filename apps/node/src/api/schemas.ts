/**
 * The schemas of what the control API answers. Its types and its OpenAPI document are derived from them. This file loads zod,
 * so the command line imports types from it and nothing else.
 */
import { z } from 'zod';
import { ABILITIES } from '@shoal/protocol';
import { ERROR_CODES } from '@shoal/protocol/error';

/** The type of what a schema accepts, which nobody changes. */
export type View<Schema extends z.ZodType> = Frozen<z.infer<Schema>>;
type Frozen<Value> = Value extends object ? { readonly [Key in keyof Value]: Frozen<Value[Key]> } : Value;

const MOST_HEALTH = 100;

const count = z.int().min(0);
const health = z.number().min(0).max(MOST_HEALTH);
const publicKey = z.string().regex(/^[0-9a-f]{64}$/);
const digest = z.string().describe('`sha256:` and 64 hex digits of the model file. Equal digests are the same model.');

export const clusterView = z
  .strictObject({
    id: z.string(),
    role: z
      .enum(['lending', 'using'])
      .describe('The role of this node: it answers prompts of others, or only sends its own.'),
    peers: count.describe('The number of connected peers.'),
  })
  .meta({ id: 'ClusterView', description: 'A cluster that this node is in.' });

const modelView = z
  .strictObject({
    id: z.string().describe('The name of the model.'),
    digest: digest.optional(),
    contextLength: count.optional().describe('Tokens that prompt and answer may have together.'),
    quantization: z.string().optional().describe('Such as `F16` or `Q4_K_M`.'),
    abilities: z
      .array(z.enum(ABILITIES))
      .optional()
      .describe('The kinds of requests that it can answer. Absent if unknown.'),
  })
  .meta({ id: 'ModelView', description: 'A model as a worker offers it.' });

const residentModelView = z
  .strictObject({
    id: z.string().describe('The name of the model.'),
    digest: digest.optional(),
    memoryBytes: z.number().optional().describe('Measured memory. Absent if the engine cannot measure it.'),
    device: z.string().optional().describe('`cpu`, or the interface of the GPU. Absent if unknown.'),
    contextLength: count.optional().describe('Tokens per slot.'),
    active: count.describe('Requests that it is answering.'),
    leavesInMs: z
      .number()
      .optional()
      .describe('Milliseconds until it is unloaded. Absent if it stays in memory or is answering.'),
  })
  .meta({ id: 'ResidentModelView', description: 'A model that this node has in memory.' });

const peerView = z
  .strictObject({
    name: z.string(),
    id: z.string().describe('The public key in hex, or the dialled address.'),
    dialect: z.string().describe('The wire protocol that it speaks, such as `shoal/1`.'),
    clusters: z.array(z.string()).describe('The clusters that it shares with this node.'),
    models: z.array(modelView),
    lends: z.boolean().optional().describe('True: it answers prompts. Absent if its dialect does not report it.'),
    health: health.optional().describe('0 to 100. Absent if its dialect does not report it.'),
    active: count.optional().describe('Requests that it is answering.'),
    slots: count.optional().describe('Requests that it can answer at once.'),
    tokensPerSecond: z.number().optional(),
    connectedAt: z.iso.datetime().describe('The time of its connection.'),
    lastSeenAt: z.iso.datetime().describe('The time of its latest message.'),
  })
  .meta({ id: 'PeerView', description: 'A connected peer.' });

const doorView = z
  .strictObject({
    name: z.string().describe('`clusters`, or the name of a door.'),
    address: z
      .string()
      .describe(
        '`host:port`, a URL, a topic or a Server ID. Empty for the clusters, and without the scope `admin`, because whoever has a Server ID may use its door.',
      ),
    connections: count,
    active: count,
    queued: count,
    answered: count,
    failed: count,
    aborted: count.describe('Cancelled by the peer.'),
    refused: count.describe('Never started.'),
  })
  .meta({ id: 'DoorView', description: 'A door of this node, with the counters of its requests since it opened.' });

const healthPart = z
  .strictObject({
    name: z.enum(['processor', 'memory', 'queue']),
    usedPercent: z.number().min(0).max(100),
    points: z.number().min(0).describe('The part of the score that it adds.'),
    mostPoints: z.number().describe('The points of an unused machine.'),
  })
  .meta({ id: 'HealthPart', description: 'A part of the health score, which is the sum of the points.' });

const requestTotals = z
  .strictObject({
    answered: count,
    failed: count,
    aborted: count.describe('Cancelled by the asker.'),
    refused: count.describe('Never started.'),
    tokens: count.describe('Generated tokens.'),
  })
  .meta({ id: 'RequestTotals', description: 'The requests that ended in a period.' });

const requestPeriod = z
  .strictObject({
    peers: requestTotals.describe('Requests of peers to this node.'),
    programs: requestTotals.describe('Requests of programs of this machine to this node.'),
  })
  .meta({ id: 'RequestPeriod' });

export const statusView = z
  .strictObject({
    name: z.string(),
    id: publicKey.describe('The public key of this node.'),
    version: z.string(),
    pid: z.int(),
    addresses: z.strictObject({
      api: z.string().describe('Such as `http://127.0.0.1:17002`.'),
      dht: z.string().describe('The UDP address of the DHT.'),
    }),
    state: z.enum(['ready', 'degraded']).describe('`degraded`: see `problems`.'),
    problems: z.array(z.string()).describe('For example that the DHT cannot be reached.'),
    uptimeSeconds: count,
    lends: z.boolean().describe('True: this node answers prompts of others.'),
    health: health.describe('0 to 100.'),
    healthParts: z.array(healthPart),
    load: z.strictObject({ active: count, queued: count, slots: count, queueCapacity: count }),
    models: z.array(modelView).describe('The models that this node lends.'),
    clusters: z.array(clusterView),
    doors: z.array(doorView).describe('Empty for a node that does not lend.'),
    requests: z
      .strictObject({ lastHour: requestPeriod, lastDay: requestPeriod })
      .describe('Since the node started, at most.'),
  })
  .meta({ id: 'StatusView', description: 'The state of this node.' });

export const errorView = z
  .strictObject({
    code: z.enum(ERROR_CODES),
    message: z.string().describe('What happened, then what to do.'),
    retryAfterMs: z.number().optional().describe('Milliseconds after which a retry may help.'),
  })
  .meta({ id: 'ErrorView', description: 'An error.' });

export const errorAnswer = z
  .strictObject({ error: errorView })
  .meta({ id: 'ErrorAnswer', description: 'The answer to a call that fails.' });

export const clusterList = z.strictObject({ clusters: z.array(clusterView) }).meta({ id: 'ClusterList' });
export const peerList = z.strictObject({ peers: z.array(peerView) }).meta({ id: 'PeerList' });
export const residentModelList = z
  .strictObject({ models: z.array(residentModelView) })
  .meta({ id: 'ResidentModelList' });

export type ClusterView = View<typeof clusterView>;
export type ResidentModelView = View<typeof residentModelView>;
export type PeerView = View<typeof peerView>;
export type DoorView = View<typeof doorView>;
export type StatusView = View<typeof statusView>;
export type ErrorView = View<typeof errorView>;
