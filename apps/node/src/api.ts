/**
 * The daemon's local API as types: what the CLI sends over loopback HTTP and what comes back. JSON everywhere; ids, names
 * and counts only, never a secret. `NodeControl` is the same thing as an interface, implemented by the running node.
 */
import type { Ability, ErrorCode, InferenceEvent, InferenceRequest } from '@shoal/protocol';

/** What a cluster is to this node: it answers others' prompts there, or only asks. */
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
  /** What it can be asked for; absent where nobody tells. */
  readonly abilities?: readonly Ability[] | undefined;
}

/** A model that the node has in memory now. What its engine cannot tell is absent. */
export interface ResidentModelView {
  readonly id: string;
  readonly digest?: string | undefined;
  /** What it takes of this machine's memory, as measured. */
  readonly memoryBytes?: number | undefined;
  /** What computes: `cpu`, or the GPU's interface. */
  readonly device?: string | undefined;
  /** Tokens a slot. */
  readonly contextLength?: number | undefined;
  /** Requests that it works on. */
  readonly active: number;
  /** Milliseconds until it leaves memory if nobody asks; absent: it stays, or works. */
  readonly leavesInMs?: number | undefined;
}

export interface PeerView {
  readonly name: string;
  /** Public key, 64 hex digits. */
  readonly id: string;
  readonly dialect: string;
  /** Those of its clusters that this node is in too. */
  readonly clusters: readonly string[];
  readonly models: readonly ModelView[];
  /** Whether it answers prompts; absent where its dialect does not tell. */
  readonly lends?: boolean | undefined;
  /** 0 to 100; absent where its dialect does not tell. */
  readonly health?: number | undefined;
  readonly active?: number | undefined;
  readonly slots?: number | undefined;
  readonly tokensPerSecond?: number | undefined;
  /** When the connection was made, ISO 8601. */
  readonly connectedAt: string;
  readonly lastSeenAt: string;
}

/** A way for others to be answered by this node, and what became of their requests since it opened. */
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
  /** Cut short by whoever asked. */
  readonly aborted: number;
  /** Never begun. */
  readonly refused: number;
}

export interface StatusView {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly pid: number;
  /** `http://127.0.0.1:17002`, and the DHT's UDP address. */
  readonly addresses: { readonly api: string; readonly dht: string };
  /** `degraded` names why in `problems`: the DHT is out of reach, the engine is down. */
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
  /** Absent: any cluster that the node is in. */
  readonly cluster?: string | undefined;
}

/** Who is answering: said once before the first piece of the answer, and again when another worker takes over. */
export interface WorkerChosen {
  readonly type: 'worker';
  readonly name: string;
  readonly id: string;
}

/** What a prompt answers with, one JSON object a line; exactly one terminal line. */
export type PromptLine =
  | WorkerChosen
  | Exclude<InferenceEvent, { type: 'error' }>
  | { readonly type: 'error'; readonly error: ErrorView };

export interface ErrorView {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

/** The running node, as its HTTP API and the demo see it. Every method throws `ShoalError`. */
export interface NodeControl {
  status(): StatusView;
  clusters(): readonly ClusterView[];
  /** Joins and remembers; joining a cluster twice is fine. */
  join(cluster: string): Promise<ClusterView>;
  /** Leaves and forgets; `INVALID_REQUEST` names the joined clusters where this is none of them. */
  leave(cluster: string): Promise<void>;
  peers(cluster?: string): readonly PeerView[];
  /** Nothing where the node does not lend; `INVALID_REQUEST` where its engine cannot tell. */
  loaded(): Promise<readonly ResidentModelView[]>;
  /**
   * Ends when the consumer leaves the loop, or calls `return` while it waits for the next event; the worker stops then.
   * Exactly one terminal event.
   */
  prompt(request: PromptRequest): AsyncIterable<WorkerChosen | InferenceEvent>;
}

/** Paths of the HTTP API. Every call carries `Authorization: Bearer TOKEN`; errors are `{ error: ErrorView }`. */
export const API_PATHS = {
  /** GET → `StatusView` */
  status: '/shoal/status',
  /** GET → `{ clusters: ClusterView[] }`; POST `{ id }` → `ClusterView`; DELETE `?id=` → `{ clusters }` */
  clusters: '/shoal/clusters',
  /** GET `?cluster=` → `{ peers: PeerView[] }` */
  peers: '/shoal/peers',
  /** GET → `{ models: ResidentModelView[] }`: what is in memory */
  loaded: '/shoal/models/loaded',
  /** POST `PromptRequest` → NDJSON of `PromptLine` */
  prompt: '/shoal/prompt',
  /** POST → `{}`; the daemon drains and ends */
  stop: '/shoal/stop',
} as const;

/** The largest request to the local API, prompt included. A larger one is refused with status 413. */
export const API_BODY_LIMIT_BYTES = 1_048_576;
