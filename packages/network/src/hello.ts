import type { ModelInfo, PeerCapacity } from '@shoal/protocol';
import { type Hardware, type HelloMessage, modelMessage, PROTOCOL } from '@shoal/protocol/shoal';

/** This software's version, as it is sent to peers. */
export const VERSION = '0.1.0';

/** A node's description of itself. */
export interface SelfDescription {
  /** Shown to people. */
  readonly name: string;
  /** True: it answers other peers' prompts. */
  readonly lends: boolean;
  readonly models: readonly ModelInfo[];
  readonly capacity?: PeerCapacity | undefined;
  readonly hardware?: Hardware | undefined;
}

/** The part of a hello that the network knows. */
export interface Presence {
  /** Public key in hex. */
  readonly key: string;
  readonly clusters: readonly string[];
  readonly uptimeSeconds: number;
}

/** Builds the `peer_hello` of a node. */
export function helloMessage(self: SelfDescription, { key, clusters, uptimeSeconds }: Presence): HelloMessage {
  return {
    type: 'peer_hello',
    node_name: self.name,
    clusters,
    supported_models: self.models.map(({ id }) => id),
    protocol: PROTOCOL,
    peer_id: key,
    version: VERSION,
    uptime_s: Math.floor(uptimeSeconds),
    roles: self.lends ? ['worker', 'client'] : ['client'],
    models: self.models.map(modelMessage),
    ...(self.hardware === undefined ? {} : { hardware: self.hardware }),
    ...(self.capacity === undefined ? {} : { capacity: self.capacity }),
  };
}
