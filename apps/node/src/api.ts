/**
 * The types of the daemon's local API: JSON over loopback HTTP. It contains ids, names and counts, never a secret.
 * `NodeControl` is the same API as an interface, implemented by the running node.
 */
import type { WorkerChosen } from '@shoal/client';
import type { ResidentModel } from '@shoal/engine';
import type { OfferedModel } from '@shoal/formats/models';
import type { Ability, InferenceEvent } from '@shoal/protocol';
import type { InferenceRequest } from '@shoal/protocol/request';
import type { ErrorCode } from '@shoal/protocol/error';

/** This node's role in a cluster: it answers others' prompts, or only sends its own. */
export type ClusterRole = 'lending' | 'using';

export interface ClusterView {
  readonly id: string;
  readonly role: ClusterRole;
  readonly peers: number;
}

export interface ModelView {
  readonly id: string;
  readonly digest?: string | undefined;
  readonly contextLength?: number | undefined;
  readonly quantization?: string | undefined;
  /** Absent if unknown. */
  readonly abilities?: readonly Ability[] | undefined;
}

/** A model that the node has in memory, as its engine reports it. */
export type ResidentModelView = ResidentModel;

export interface PeerView {
  readonly name: string;
  /** Public key, 64 hex digits. */
  readonly id: string;
  readonly dialect: string;
  /** The clusters that it shares with this node. */
  readonly clusters: readonly string[];
  readonly models: readonly ModelView[];
  /** True: it answers prompts. Absent if its dialect does not report it. */
  readonly lends?: boolean | undefined;
  /** 0 to 100. Absent if its dialect does not report it. */
  readonly health?: number | undefined;
  readonly active?: number | undefined;
  readonly slots?: number | undefined;
  readonly tokensPerSecond?: number | undefined;
  /** Time of connection, ISO 8601. */
  readonly connectedAt: string;
  readonly lastSeenAt: string;
}

/** A door of this node, with the counters of its requests since it opened. */
export interface DoorView {
  /** `clusters`, or a door's name. */
  readonly name: string;
  /** `host:port`, a URL, a topic or a Server ID; empty for the clusters. */
  readonly address: string;
  readonly connections: number;
  readonly active: number;
  readonly queued: number;
  readonly answered: number;
  readonly failed: number;
  /** Cancelled by the peer. */
  readonly aborted: number;
  /** Never started. */
  readonly refused: number;
}

export interface StatusView {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly pid: number;
  /** `http://127.0.0.1:17002`, and the DHT's UDP address. */
  readonly addresses: { readonly api: string; readonly dht: string };
  /** `degraded`: see `problems`, for example that the DHT cannot be reached. */
  readonly state: 'ready' | 'degraded';
  readonly problems: readonly string[];
  readonly uptimeSeconds: number;
  readonly lends: boolean;
  /** 0 to 100. */
  readonly health: number;
  readonly load: {
    readonly active: number;
    readonly queued: number;
    readonly slots: number;
    readonly queueCapacity: number;
  };
  readonly models: readonly ModelView[];
  readonly clusters: readonly ClusterView[];
  /** Empty for a node that does not lend. */
  readonly doors: readonly DoorView[];
}

export interface PromptRequest {
  readonly request: InferenceRequest;
  /** Default: all clusters that the node is in. */
  readonly cluster?: string | undefined;
}

/** One line of the answer to a prompt, a JSON object. Exactly one line is terminal. */
export type PromptLine =
  | WorkerChosen
  | Exclude<InferenceEvent, { type: 'error' }>
  | { readonly type: 'error'; readonly error: ErrorView };

export interface ErrorView {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

/** The number of peers that lend, by state. */
export interface WorkerCounts {
  /** With a free slot. */
  readonly free: number;
  readonly busy: number;
  /** Connected, and without a message for longer than the interval of statuses. */
  readonly silent: number;
}

/** The running node, as its HTTP API uses it. Every method throws `ShoalError`. */
export interface NodeControl {
  status(): StatusView;
  clusters(): readonly ClusterView[];
  /** Joins a cluster and saves that. Does nothing if it is joined already. */
  join(cluster: string): Promise<ClusterView>;
  /** Leaves a cluster and saves that. Throws `INVALID_REQUEST` with the joined clusters if it is not joined. */
  leave(cluster: string): Promise<void>;
  peers(cluster?: string): readonly PeerView[];
  /** The peers that lend, by state. */
  workers(): WorkerCounts;
  /** The models that this node can use, its own and those of its peers: one per name. */
  models(): readonly OfferedModel[];
  /** Call when models of this machine were added or removed. */
  modelsChanged(): Promise<void>;
  /** Empty if the node does not lend. Throws `INVALID_REQUEST` if its engine does not report its models in memory. */
  loaded(): Promise<readonly ResidentModelView[]>;
  /**
   * Yields exactly one terminal event. The worker stops when the consumer leaves the loop, or calls `return` while it waits.
   */
  prompt(request: PromptRequest): AsyncIterable<WorkerChosen | InferenceEvent>;
}

/** Paths of the HTTP API. Every call carries `Authorization: Bearer TOKEN`; errors are `{ error: ErrorView }`. */
export const API_PATHS = {
  /** GET → `StatusView` */
  status: '/shoal/v1/status',
  /** GET → `{ clusters: ClusterView[] }`; POST `{ id }` → `ClusterView`; DELETE `?id=` → `{ clusters }` */
  clusters: '/shoal/v1/clusters',
  /** GET `?cluster=` → `{ peers: PeerView[] }` */
  peers: '/shoal/v1/peers',
  /** GET → `{ models: ResidentModelView[] }`: what is in memory */
  loaded: '/shoal/v1/models/loaded',
  /** POST `PromptRequest` → NDJSON of `PromptLine` */
  prompt: '/shoal/v1/prompt',
  /** POST → `{}`; the daemon drains and ends */
  stop: '/shoal/v1/stop',
} as const;

/** The largest request to the local API, prompt included, compressed or not. A larger one is refused with status 413. */
export const API_BODY_LIMIT_BYTES = 16_777_216;
