/**
 * The daemon's local API: JSON over loopback HTTP. `NodeControl` is the same API as an interface, implemented by the running
 * node. The types are derived from schemas, which this file does not load.
 */
import type { WorkerChosen } from '@shoal/client';
import type { OfferedModel } from '@shoal/formats/models';
import type { InferenceEvent } from '@shoal/protocol';
import type { PromptRequest } from './api/prompt-request.ts';
import type { ClusterView, PeerView, ResidentModelView, StatusView } from './api/schemas.ts';

export type { PromptLine } from './api/prompt-line.ts';
export type { PromptRequest } from './api/prompt-request.ts';
export type { ClusterView, DoorView, ErrorView, PeerView, ResidentModelView, StatusView } from './api/schemas.ts';

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
  /** Returns the ids of lent models that cannot answer now, because their engine has failed. */
  unavailable(): readonly string[];
  clusters(): readonly ClusterView[];
  /**
   * Joins a cluster and saves that. `lend`: answer the prompts of its members, or not. Undefined: as before for a cluster that
   * is joined already, else as the settings say for this cluster. Throws `INVALID_REQUEST` if the node cannot lend.
   */
  join(cluster: string, lend?: boolean): Promise<ClusterView>;
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

/** Paths of the HTTP API. The document at `openapi` describes its calls. Errors are `{ error: ErrorView }`. */
export const API_PATHS = {
  status: '/shoal/v1/status',
  clusters: '/shoal/v1/clusters',
  peers: '/shoal/v1/peers',
  /** The models in memory. */
  loaded: '/shoal/v1/models/loaded',
  prompt: '/shoal/v1/prompt',
  stop: '/shoal/v1/stop',
  openapi: '/shoal/v1/openapi.json',
} as const;

/** The largest request to the local API, prompt included, compressed or not. A larger one is refused with status 413. */
export const API_BODY_LIMIT_BYTES = 16_777_216;
