import type { ModelInfo } from '@shoal/protocol';

/** A model that the node can use, once, whoever lends it. */
export interface OfferedModel extends ModelInfo {
  /** The names of the peers that lend it. */
  readonly peers: readonly string[];
  /** True if this node's own engines have it. */
  readonly isOwn: boolean;
  /** Milliseconds since 1970 of the last change of its file. Undefined if unknown. */
  readonly modifiedAt?: number | undefined;
  /** Undefined if unknown, as for models of peers. */
  readonly sizeBytes?: number | undefined;
  /** As in the file's metadata, such as `llama`. Undefined if unknown. */
  readonly architecture?: string | undefined;
  readonly parameterCount?: number | undefined;
  /** The chat template. Undefined if unknown. */
  readonly template?: string | undefined;
}

/** An offered model that is in memory. */
export interface LoadedModel extends OfferedModel {
  readonly memoryBytes?: number | undefined;
  /** Milliseconds until it is unloaded. Undefined if it stays. */
  readonly leavesInMs?: number | undefined;
}
